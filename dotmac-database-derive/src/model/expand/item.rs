//! The struct that is handed on to `#[sea_orm::model]`, with the injected fields.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Field;

use crate::feature::Role;
use crate::model::entity::Entity;

pub fn expand(entity: &Entity, private: &TokenStream) -> TokenStream {
    let visibility = &entity.visibility;
    let (above, below) = (&entity.above_derives, &entity.below_derives);
    let derives = &entity.derives.others;
    let rest = &entity.table.rest;
    let rest = (!rest.is_empty()).then(|| quote!(#[sea_orm(#(#rest),*)]));
    let (head, tail) = injected(entity);
    let fields = &entity.fields;
    let mixed = entity.mixins.iter().flat_map(|mixin| mixin.injected());
    // SeaORM reads the first `#[sea_orm(…)]` only for `entity`, and wants it below the derives.
    quote! {
        #[#private::sea_orm::model]
        #(#above)*
        #[derive(#(#derives),*)]
        #(#below)*
        #[sea_orm(entity = Entity)]
        #rest
        #visibility struct Model {
            #(#head,)*
            #(#fields,)*
            #(#mixed,)*
            #(#tail,)*
        }
    }
}

/// The key and the tenant stand before the user's fields, the stamps after them.
fn injected(entity: &Entity) -> (Vec<TokenStream>, Vec<TokenStream>) {
    let tokens = |fields: Vec<&Field>| fields.into_iter().map(ToTokens::to_token_stream).collect();
    let (head, tail): (Vec<_>, Vec<_>) = entity
        .columns
        .iter()
        .filter_map(|column| Some((column.role, column.injected.as_ref()?)))
        .partition(|(role, _)| matches!(role, Role::Id | Role::TenantId));
    (
        tokens(head.into_iter().map(|(_, field)| field).collect()),
        tokens(tail.into_iter().map(|(_, field)| field).collect()),
    )
}
