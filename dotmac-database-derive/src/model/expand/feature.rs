//! What the derives gave the entity, as traits for callers and as a record for the registry.

use proc_macro2::TokenStream;
use quote::quote;

use crate::feature::{Feature, Role};
use crate::model::entity::Entity;

pub fn expand(entity: &Entity, private: &TokenStream) -> TokenStream {
    let features = features(entity, private);
    let traits = Feature::ALL
        .into_iter()
        .filter(|feature| has(entity, *feature))
        .map(|feature| ability(entity, private, feature));
    quote! {
        impl #private::Featured for Entity {
            const FEATURES: #private::Features<Column> = #private::Features { #features };
        }
        #(#traits)*
        #private::register! {
            #private::Registered::of::<Entity>()
        }
    }
}

// `BaseModel` brings timestamps as well.
fn has(entity: &Entity, feature: Feature) -> bool {
    entity.has(feature) || (feature == Feature::Timestamps && entity.has(Feature::BaseModel))
}

fn features(entity: &Entity, private: &TokenStream) -> TokenStream {
    let key = entity.client_key().map(|key| {
        let variant = key.variant();
        quote!(client_key: ::core::option::Option::Some(Column::#variant),)
    });
    let groups = [
        (
            Feature::Timestamps,
            quote!(timestamps: ::core::option::Option::Some(<Self as #private::Timestamps>::TIMESTAMPS),),
        ),
        (
            Feature::SoftDelete,
            quote!(soft_delete: ::core::option::Option::Some(<Self as #private::SoftDelete>::COLUMNS),),
        ),
        (
            Feature::Audited,
            quote!(audit: ::core::option::Option::Some(<Self as #private::Audited>::AUDIT),),
        ),
        (
            Feature::TenantAware,
            quote! {
                tenant: ::core::option::Option::Some(#private::TenantColumn {
                    tenant_id: <Self as #private::TenantAware>::TENANT_ID,
                    kind: <<Self as #private::TenantAware>::Key as #private::TenantKey>::KIND,
                }),
            },
        ),
    ]
    .map(|(feature, group)| has(entity, feature).then_some(group));
    // Clippy, which users run as well, refuses a rest that nothing is taken from.
    let is_whole = key.is_some() && groups.iter().all(Option::is_some);
    let rest = (!is_whole).then(|| quote!(..#private::Features::NONE));
    quote!(#key #(#groups)* #rest)
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
