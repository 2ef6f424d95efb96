//! The attribute itself: what it says, and the struct below it.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Field, Fields, Item, ItemStruct, Path};

use super::column;
use crate::diagnostic::Diagnostics;
use crate::root;

/// A parsed mixin.
pub struct Mixin {
    pub item: ItemStruct,
    /// The columns, as they are written.
    pub columns: Vec<Field>,
    pub root: Path,
}

/// Expands `#[dotmac_database::mixin]`.
pub fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let root = diagnostics
        .ok(root::of_arguments(args, "mixin"))
        .unwrap_or_else(root::default);
    let expansion = match struct_of(item) {
        Ok(item) => Mixin::parse(item, root, &mut diagnostics).expand(),
        Err(error) => {
            diagnostics.push(error);
            TokenStream::new()
        }
    };
    let errors = diagnostics.into_tokens();
    quote!(#errors #expansion)
}

impl Mixin {
    fn parse(item: ItemStruct, root: Path, diagnostics: &mut Diagnostics) -> Self {
        if !item.generics.params.is_empty() {
            diagnostics.at(
                &item.generics,
                "a mixin cannot be generic: remove the parameters",
            );
        }
        let columns = match &item.fields {
            // Types may speak of the parameters.
            _ if !item.generics.params.is_empty() => Vec::new(),
            Fields::Named(fields) if !fields.named.is_empty() => {
                fields.named.iter().cloned().collect()
            }
            _ => {
                diagnostics.at(
                    &item.ident,
                    "a mixin has named fields: `struct Organization { … }`",
                );
                Vec::new()
            }
        };
        let columns = columns
            .into_iter()
            .filter(|field| diagnostics.ok(column::check(field)).is_some())
            .collect();
        Mixin {
            item,
            columns,
            root,
        }
    }
}

fn struct_of(item: TokenStream) -> syn::Result<ItemStruct> {
    let (found, span) = match syn::parse2(item)? {
        Item::Struct(item) => return Ok(item),
        Item::Enum(item) => ("an enum", item.enum_token.span),
        Item::Union(item) => ("a union", item.union_token.span),
        _ => ("another kind of item", Span::call_site()),
    };
    let message = format!("a mixin is a struct with named fields, not {found}");
    Err(syn::Error::new(span, message))
}
