//! The attribute itself: parse, report, and always emit as much as can be emitted.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Item, ItemStruct};

use super::entity::Entity;
use super::{chain, misplaced};
use crate::diagnostic::{Diagnostics, not_a_struct};

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
        Ok(item) if is_misplaced(&item) => misplaced::expand(item, &mut diagnostics),
        Ok(item) => chain::ask(&item, &[])
            .unwrap_or_else(|| Entity::parse(item, &[], &mut diagnostics).expand()),
        Err(error) => {
            diagnostics.push(error);
            TokenStream::new()
        }
    };
    let errors = diagnostics.into_tokens();
    quote!(#errors #expansion)
}

/// Derives above the attribute are expanded already, and no longer to be seen.
fn is_misplaced(item: &ItemStruct) -> bool {
    !item.attrs.iter().any(|a| a.path().is_ident("derive"))
}

fn struct_of(item: TokenStream) -> syn::Result<ItemStruct> {
    match syn::parse2(item)? {
        Item::Struct(item) => Ok(item),
        Item::Enum(item) => Err(not_a_struct("an enum", item.enum_token.span)),
        Item::Union(item) => Err(not_a_struct("a union", item.union_token.span)),
        _ => Err(not_a_struct("another kind of item", Span::call_site())),
    }
}
