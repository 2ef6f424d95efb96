//! The path under which emitted code finds the runtime.

use proc_macro2::TokenStream;
use syn::{Meta, Path};

use crate::diagnostic::text;

/// `::dotmac_database`, unless `crate = "…"` says otherwise.
pub fn default() -> Path {
    syn::parse_quote!(::dotmac_database)
}

/// What the arguments of an attribute say that takes no other.
pub fn of_arguments(args: TokenStream, attribute: &str) -> syn::Result<Path> {
    if args.is_empty() {
        return Ok(default());
    }
    let meta: Meta = syn::parse2(args)?;
    if !meta.path().is_ident("crate") {
        return Err(syn::Error::new_spanned(
            meta,
            format!("`#[dotmac_database::{attribute}]` takes no argument but `crate = \"…\"`"),
        ));
    }
    text(&meta)?.parse()
}
