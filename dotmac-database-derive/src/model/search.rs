//! `#[dotmac(prefix_search)]` and `#[dotmac(case_insensitive)]`: how a text is looked for.

use syn::{Field, Ident, Meta};

use super::column::short;
use super::field::variant;

/// Columns with an index for a way to search: variants of SeaORM's `Column`.
#[derive(Default)]
pub struct Search {
    pub by_prefix: Vec<Ident>,
    pub ignoring_case: Vec<Ident>,
}

/// Adds the field to one of the lists.
pub fn add(columns: &mut Vec<Ident>, field: &Field, meta: &Meta) -> syn::Result<()> {
    let key = meta.require_path_only()?;
    let found = short(&field.ty);
    if !["String", "Option<String>"].contains(&found.as_str()) {
        let key = key.get_ident().map(Ident::to_string).unwrap_or_default();
        let message = format!("`{key}` is for text: `String` or `Option<String>`, not `{found}`");
        return Err(syn::Error::new_spanned(&field.ty, message));
    }
    columns.extend(variant(field).filter(|column| !columns.contains(column)));
    Ok(())
}
