//! The shape that an entity must have, and what is taken of a struct that has another.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Field, Fields, GenericParam, Generics, Ident, ItemStruct, parse_quote};

use super::derive_list::DeriveList;
use super::field::is_primary_key;
use crate::diagnostic::Diagnostics;

/// Reports a struct that cannot be an entity.
pub fn check(item: &ItemStruct, derives: &mut DeriveList, diagnostics: &mut Diagnostics) {
    if !item.generics.params.is_empty() {
        diagnostics.at(
            &item.generics,
            "an entity cannot be generic: remove the parameters",
        );
    }
    if !matches!(item.fields, Fields::Named(_)) {
        diagnostics.at(
            &item.ident,
            "an entity has named fields: `struct Model { … }`",
        );
    } else if item.ident != "Model" {
        diagnostics.at(&item.ident, "SeaORM asks for the name `Model`");
    }
    derives.require_entity(&item.ident, diagnostics);
}

/// The fields, without those that would only repeat what was reported.
pub fn fields(item: ItemStruct) -> Vec<Field> {
    let parameters = parameters(&item.generics);
    let is_sound = parameters.is_empty() && matches!(item.fields, Fields::Named(_));
    let mut fields: Vec<Field> = match item.fields {
        Fields::Named(fields) => fields.named.into_iter().collect(),
        _ => Vec::new(),
    };
    fields.retain(|field| !mentions(field.ty.to_token_stream(), &parameters));
    if !is_sound && !fields.iter().any(is_primary_key) {
        fields.push(parse_quote!(#[sea_orm(primary_key)] pub id: i32));
    }
    fields
}

fn parameters(generics: &Generics) -> Vec<Ident> {
    let name = |parameter: &GenericParam| match parameter {
        GenericParam::Lifetime(it) => it.lifetime.ident.clone(),
        GenericParam::Type(it) => it.ident.clone(),
        GenericParam::Const(it) => it.ident.clone(),
    };
    generics.params.iter().map(name).collect()
}

fn mentions(tokens: TokenStream, names: &[Ident]) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => names.contains(&ident),
        TokenTree::Group(group) => mentions(group.stream(), names),
        _ => false,
    })
}
