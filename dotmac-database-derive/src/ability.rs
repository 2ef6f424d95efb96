//! What one derive gives an entity: its trait, and its part of the entity's record. The same with and
//! without `#[dotmac_database::model]`.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Ident, Type};

use crate::feature::{Feature, Role};

/// The features that have a part in the record, in its order.
pub const RECORDED: [Feature; 5] = [
    Feature::Timestamps,
    Feature::SoftDelete,
    Feature::Audited,
    Feature::TenantAware,
    Feature::Versioned,
];

/// The trait's implementation. `variant` names the column that plays a role, `key` is the tenant's
/// type.
pub fn implement(
    feature: Feature,
    private: &TokenStream,
    variant: impl Fn(Role) -> Option<Ident>,
    key: Option<&Type>,
) -> TokenStream {
    let (constant, ty) = match feature {
        Feature::BaseModel => return quote!(impl #private::BaseModel for Entity {}),
        Feature::TenantAware => {
            let tenant_id = variant(Role::TenantId);
            return quote! {
                impl #private::TenantAware for Entity {
                    type Key = #key;
                    const TENANT_ID: Column = Column::#tenant_id;
                }
            };
        }
        Feature::Versioned => {
            let version = variant(Role::Version);
            return quote! {
                impl #private::Versioned for Entity {
                    const VERSION: Column = Column::#version;
                }
            };
        }
        Feature::Timestamps => (quote!(TIMESTAMPS), quote!(TimestampColumns)),
        Feature::SoftDelete => (quote!(MARKS), quote!(SoftDeleteColumns)),
        Feature::Audited => (quote!(AUDIT), quote!(AuditColumns)),
    };
    let name = Ident::new(feature.name(), Span::call_site());
    let columns = feature.roles().iter().filter_map(|role| {
        let field = Ident::new(role.key(), Span::call_site());
        let variant = variant(*role)?;
        Some(quote!(#field: Column::#variant))
    });
    quote! {
        impl #private::#name for Entity {
            const #constant: #private::#ty<Column> = #private::#ty { #(#columns),* };
        }
    }
}

/// The field of the record, where the entity has the feature, or `None`.
pub fn record(feature: Feature, private: &TokenStream, has: bool) -> TokenStream {
    let (field, value) = match feature {
        Feature::BaseModel => return TokenStream::new(),
        Feature::Timestamps => (
            quote!(timestamps),
            quote!(<Entity as #private::Timestamps>::TIMESTAMPS),
        ),
        Feature::SoftDelete => (
            quote!(soft_delete),
            quote!(<Entity as #private::SoftDelete>::MARKS),
        ),
        Feature::Audited => (quote!(audit), quote!(<Entity as #private::Audited>::AUDIT)),
        Feature::TenantAware => (
            quote!(tenant),
            quote! {
                #private::TenantColumn {
                    tenant_id: <Entity as #private::TenantAware>::TENANT_ID,
                    kind: <<Entity as #private::TenantAware>::Key as #private::TenantKey>::KIND,
                }
            },
        ),
        Feature::Versioned => (
            quote!(version),
            quote!(<Entity as #private::Versioned>::VERSION),
        ),
    };
    match has {
        true => quote!(#field: ::core::option::Option::Some(#value)),
        false => quote!(#field: ::core::option::Option::None),
    }
}
