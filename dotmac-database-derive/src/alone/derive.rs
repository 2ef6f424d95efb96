//! One derive alone: checks the declared columns, implements its trait, registers the entity.

use heck::ToUpperCamelCase;
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Data, DeriveInput, Field, Fields, Ident};

use crate::diagnostic::Diagnostics;
use crate::feature::{Feature, Role};
use crate::model::{check_type, is_named};
use crate::options::Options;

/// Expands one of our derives on a struct that `#[dotmac_database::model]` did not touch.
pub fn expand(feature: Feature, item: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    // The attribute tells of a wrong order itself, once; and `ModelEx` is SeaORM's twin of `Model`.
    if input.attrs.iter().any(is_model_attribute) || input.ident == "ModelEx" {
        return TokenStream::new();
    }
    let mut diagnostics = Diagnostics::default();
    let options = Options::parse(&input.attrs, &mut diagnostics);
    let expansion = match &input.data {
        Data::Struct(data) => impls(feature, &data.fields, &options, &mut diagnostics),
        Data::Enum(data) => {
            diagnostics.at(data.enum_token, not_a_struct(feature));
            TokenStream::new()
        }
        Data::Union(data) => {
            diagnostics.at(data.union_token, not_a_struct(feature));
            TokenStream::new()
        }
    };
    let errors = diagnostics.into_tokens();
    quote!(#errors #expansion)
}

fn is_model_attribute(attribute: &syn::Attribute) -> bool {
    let path = attribute.path();
    path.segments.len() == 2
        && path.segments.first().is_some_and(|s| s.ident == "dotmac_database")
        && path.segments.last().is_some_and(|s| s.ident == "model")
}

fn not_a_struct(feature: Feature) -> String {
    format!("`{}` describes an entity: derive it on `struct Model`", feature.name())
}

fn impls(
    feature: Feature,
    fields: &Fields,
    options: &Options,
    diagnostics: &mut Diagnostics,
) -> TokenStream {
    let declared: Vec<&Field> = fields.iter().collect();
    let missing: Vec<String> = feature
        .roles()
        .iter()
        .map(|role| options.name(*role))
        .filter(|name| !declared.iter().any(|field| is_named(field, name)))
        .collect();
    if !missing.is_empty() {
        diagnostics.push(syn::Error::new(
            Span::call_site(),
            format!(
                "`{}` needs `{}`: put `#[dotmac_database::model]` above `#[derive(…)]` to have {} \
                 added, or declare {}",
                feature.name(),
                missing.join("`, `"),
                if missing.len() == 1 { "it" } else { "them" },
                if missing.len() == 1 { "it" } else { "them" },
            ),
        ));
        return TokenStream::new();
    }
    let field = |role: Role| {
        let name = options.name(role);
        declared.iter().copied().find(|field| is_named(field, &name))
    };
    for role in feature.roles() {
        if let Some(field) = field(*role) {
            check_type(*role, field, diagnostics);
        }
    }
    emit(feature, options, field(Role::TenantId))
}

fn emit(feature: Feature, options: &Options, tenant: Option<&Field>) -> TokenStream {
    let root = &options.root;
    let private = quote!(#root::__private);
    let columns: TokenStream = feature
        .roles()
        .iter()
        .map(|role| {
            let field = Ident::new(role.key(), Span::call_site());
            let variant = variant(*role, options);
            quote!(#field: Column::#variant,)
        })
        .collect();
    let (implementation, features) = match feature {
        Feature::BaseModel => return base_model(options, &private),
        Feature::Timestamps => (
            quote! {
                impl #private::Timestamps for Entity {
                    const TIMESTAMPS: #private::TimestampColumns<Column> =
                        #private::TimestampColumns { #columns };
                }
            },
            quote!(timestamps: Some(<Entity as #private::Timestamps>::TIMESTAMPS)),
        ),
        Feature::SoftDelete => (
            quote! {
                impl #private::SoftDelete for Entity {
                    const COLUMNS: #private::SoftDeleteColumns<Column> =
                        #private::SoftDeleteColumns { #columns };
                }
            },
            quote!(soft_delete: Some(<Entity as #private::SoftDelete>::COLUMNS)),
        ),
        Feature::Audited => (
            quote! {
                impl #private::Audited for Entity {
                    const AUDIT: #private::AuditColumns<Column> =
                        #private::AuditColumns { #columns };
                }
            },
            quote!(audit: Some(<Entity as #private::Audited>::AUDIT)),
        ),
        Feature::TenantAware => {
            let variant = variant(Role::TenantId, options);
            let key = tenant.map(|field| &field.ty);
            (
                quote! {
                    impl #private::TenantAware for Entity {
                        type Key = #key;
                        const TENANT_ID: Column = Column::#variant;
                    }
                },
                quote! {
                    tenant: Some(#private::TenantColumn {
                        tenant_id: Column::#variant,
                        kind: <#key as #private::TenantKey>::KIND,
                    })
                },
            )
        }
    };
    let registration = register(&private, &features);
    quote!(#implementation #registration)
}

fn base_model(options: &Options, private: &TokenStream) -> TokenStream {
    let created_at = variant(Role::CreatedAt, options);
    let updated_at = variant(Role::UpdatedAt, options);
    let columns = quote! {
        #private::TimestampColumns {
            created_at: Column::#created_at,
            updated_at: Column::#updated_at,
        }
    };
    let registration = register(private, &quote!(timestamps: Some(#columns)));
    quote! {
        impl #private::BaseModel for Entity {}
        impl #private::Timestamps for Entity {
            const TIMESTAMPS: #private::TimestampColumns<Column> = #columns;
        }
        #registration
    }
}

fn register(private: &TokenStream, features: &TokenStream) -> TokenStream {
    quote! {
        #private::register! {
            #private::Registered::part::<Entity>(
                ::core::module_path!(),
                || #private::describe::<Entity>(#private::Features {
                    #features,
                    ..#private::Features::NONE
                }),
            )
        }
    }
}

fn variant(role: Role, options: &Options) -> Ident {
    Ident::new(&options.name(role).to_upper_camel_case(), Span::call_site())
}
