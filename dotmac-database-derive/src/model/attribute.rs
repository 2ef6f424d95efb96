//! The attribute itself: parse, report, and always emit as much as can be emitted.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Item, ItemStruct};

use super::entity::Entity;
use crate::diagnostic::Diagnostics;

/// Expands `#[dotmac_database::model]`.
pub fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    if !args.is_empty() {
        diagnostics.at(
            &args,
            "`#[dotmac_database::model]` takes no arguments: write them in `#[dotmac(…)]` below it",
        );
    }
    let expansion = match struct_of(item) {
        Ok(item) => Entity::parse(item, &mut diagnostics).expand(),
        Err(error) => {
            diagnostics.push(error);
            TokenStream::new()
        }
    };
    let errors = diagnostics.into_tokens();
    quote!(#errors #expansion)
}

fn struct_of(item: TokenStream) -> syn::Result<ItemStruct> {
    let found = match syn::parse2(item)? {
        Item::Struct(item) => return Ok(item),
        Item::Enum(item) => ("an enum", item.enum_token.span),
        Item::Union(item) => ("a union", item.union_token.span),
        other => {
            return Err(syn::Error::new_spanned(
                other,
                "`#[dotmac_database::model]` describes an entity: put it on `struct Model`",
            ));
        }
    };
    Err(syn::Error::new(
        found.1,
        format!("an entity is a struct `Model` with named fields, not {}", found.0),
    ))
}
