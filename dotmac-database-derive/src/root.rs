//! The path under which emitted code finds the runtime.

use syn::Path;

/// `::dotmac_database`, or what `#[dotmac(crate = "…")]` says.
pub fn default() -> Path {
    syn::parse_quote!(::dotmac_database)
}
