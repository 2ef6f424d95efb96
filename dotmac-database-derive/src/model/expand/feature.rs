//! What the derives gave the entity, as traits for callers and as a record for the registry.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Ident;

use super::mixin;
use crate::ability::{RECORDED, implement, record};
use crate::feature::{Feature, Role};
use crate::model::entity::Entity;

pub fn expand(entity: &Entity, private: &TokenStream) -> TokenStream {
    let client_key = match entity.client_key().map(|key| key.variant()) {
        Some(key) => quote!(::core::option::Option::Some(Column::#key)),
        None => quote!(::core::option::Option::None),
    };
    let records = RECORDED.map(|feature| record(feature, private, has(entity, feature)));
    let unique_keys = entity.field_keys.unique.iter().map(|key| {
        let columns = &key.columns;
        quote!(&[#(Column::#columns),*])
    });
    let unique_keys = (!entity.field_keys.unique.is_empty())
        .then(|| quote!(const UNIQUE_KEYS: &'static [&'static [Column]] = &[#(#unique_keys),*];));
    let search = &entity.field_keys.search;
    let by_prefix = columns(quote!(PREFIX_SEARCH), &search.by_prefix);
    let ignoring_case = columns(quote!(CASE_INSENSITIVE), &search.ignoring_case);
    let variant = |role| entity.column(role).map(|column| column.variant());
    let key = entity.column(Role::TenantId).map(|column| &column.ty);
    let traits = Feature::ALL
        .into_iter()
        .filter(|feature| has(entity, *feature))
        .map(|feature| implement(feature, private, variant, key));
    let cached = entity.options.cached.as_ref();
    let record = cached.map(|_| {
        quote! {
            const CACHED: ::core::option::Option<fn() -> #private::CachedTable> =
                ::core::option::Option::Some(#private::CachedTable::of::<Entity>);
        }
    });
    let cached = cached.map(|cached| {
        let name = cached.name.as_ref().map(|name| {
            quote! {
                const NAME: ::core::option::Option<&'static str> =
                    ::core::option::Option::Some(#name);
            }
        });
        quote!(impl #private::Cached for Entity { #name })
    });
    let hooks = mixin::hooks(entity, private);
    quote! {
        impl #private::Featured for Entity {
            const FEATURES: #private::Features<Column> = #private::Features {
                client_key: #client_key,
                #(#records),*
            };
            #unique_keys
            #by_prefix
            #ignoring_case
            #record
            #hooks
        }
        #(#traits)*
        #cached
        #private::register! {
            #private::Registered::of::<Entity>()
        }
        #private::register! {
            #private::Installable::of::<Entity>()
        }
    }
}

/// The constant, where it is another than by default.
fn columns(constant: TokenStream, columns: &[Ident]) -> Option<TokenStream> {
    (!columns.is_empty())
        .then(|| quote!(const #constant: &'static [Column] = &[#(Column::#columns),*];))
}

// `BaseModel` brings timestamps as well.
fn has(entity: &Entity, feature: Feature) -> bool {
    entity.has(feature) || (feature == Feature::Timestamps && entity.has(Feature::BaseModel))
}
