//! What the derives gave the entity, as traits for callers and as a record for the registry.

use proc_macro2::TokenStream;
use quote::quote;

use crate::feature::{Feature, Role};
use crate::model::entity::Entity;

pub fn expand(entity: &Entity, private: &TokenStream) -> TokenStream {
    let client_key = entity
        .client_key()
        .map(|key| field(entity, "client_key", key.role));
    let groups = [
        (Feature::Timestamps, "timestamps", "TimestampColumns"),
        (Feature::SoftDelete, "soft_delete", "SoftDeleteColumns"),
        (Feature::Audited, "audit", "AuditColumns"),
        (Feature::TenantAware, "tenant", "TenantColumn"),
    ]
    .map(|(feature, name, ty)| group(entity, private, feature, name, ty));
    let traits = Feature::ALL
        .into_iter()
        .filter(|feature| has(entity, *feature))
        .map(|feature| ability(entity, private, feature));
    quote! {
        impl #private::Featured for Entity {
            const FEATURES: #private::Features<Column> = #private::Features {
                #client_key
                #(#groups)*
                ..#private::Features::NONE
            };
        }
        #(#traits)*
        #private::register! {
            #private::Registered::of::<Entity>(::core::module_path!())
        }
    }
}

// `BaseModel` brings timestamps as well.
fn has(entity: &Entity, feature: Feature) -> bool {
    entity.has(feature) || (feature == Feature::Timestamps && entity.has(Feature::BaseModel))
}

fn field(entity: &Entity, name: &str, role: Role) -> TokenStream {
    let name = syn::Ident::new(name, proc_macro2::Span::call_site());
    let variant = entity.column(role).map(|column| column.variant());
    quote!(#name: ::core::option::Option::Some(Column::#variant),)
}

fn group(
    entity: &Entity,
    private: &TokenStream,
    feature: Feature,
    name: &str,
    ty: &str,
) -> Option<TokenStream> {
    if !has(entity, feature) {
        return None;
    }
    let name = syn::Ident::new(name, proc_macro2::Span::call_site());
    let ty = syn::Ident::new(ty, proc_macro2::Span::call_site());
    let columns = columns(entity, feature);
    let kind = (feature == Feature::TenantAware).then(|| {
        let key = &entity.column(Role::TenantId)?.ty;
        Some(quote!(kind: <#key as #private::TenantKey>::KIND,))
    });
    let kind = kind.flatten();
    Some(quote! {
        #name: ::core::option::Option::Some(#private::#ty { #columns #kind }),
    })
}

fn columns(entity: &Entity, feature: Feature) -> TokenStream {
    feature
        .roles()
        .iter()
        .filter_map(|role| {
            let variant = entity.column(*role)?.variant();
            let field = syn::Ident::new(role.key(), proc_macro2::Span::call_site());
            Some(quote!(#field: Column::#variant,))
        })
        .collect()
}

fn ability(entity: &Entity, private: &TokenStream, feature: Feature) -> TokenStream {
    let name = syn::Ident::new(feature.name(), proc_macro2::Span::call_site());
    let columns = columns(entity, feature);
    match feature {
        Feature::BaseModel => quote!(impl #private::BaseModel for Entity {}),
        Feature::Timestamps => quote! {
            impl #private::#name for Entity {
                const TIMESTAMPS: #private::TimestampColumns<Column> =
                    #private::TimestampColumns { #columns };
            }
        },
        Feature::SoftDelete => quote! {
            impl #private::#name for Entity {
                const COLUMNS: #private::SoftDeleteColumns<Column> =
                    #private::SoftDeleteColumns { #columns };
            }
        },
        Feature::Audited => quote! {
            impl #private::#name for Entity {
                const AUDIT: #private::AuditColumns<Column> =
                    #private::AuditColumns { #columns };
            }
        },
        Feature::TenantAware => {
            let key = entity.column(Role::TenantId).map(|column| &column.ty);
            let variant = entity.column(Role::TenantId).map(|column| column.variant());
            quote! {
                impl #private::#name for Entity {
                    type Key = #key;
                    const TENANT_ID: Column = Column::#variant;
                }
            }
        }
    }
}
