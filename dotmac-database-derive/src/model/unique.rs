//! `#[dotmac(unique)]` on fields: values, or groups of them, that no two rows share.

use syn::{Field, Ident, LitStr, Meta, Type};

use super::field::variant;
use crate::diagnostic::text;

/// Columns whose values are unique together.
pub struct UniqueKey {
    group: Option<LitStr>,
    /// Variants of SeaORM's `Column`.
    pub columns: Vec<Ident>,
}

/// Adds the field to the keys, as the attribute says.
pub fn add(keys: &mut Vec<UniqueKey>, field: &Field, meta: &Meta) -> syn::Result<()> {
    if is_relation(&field.ty) {
        let message = "a relation has no value: put `unique` on its column";
        return Err(syn::Error::new_spanned(meta.path(), message));
    }
    let group = match meta {
        Meta::Path(_) => None,
        _ => Some(text(meta)?),
    };
    let Some(column) = variant(field) else {
        return Ok(());
    };
    let known = group.as_ref().and_then(|group| {
        keys.iter_mut()
            .find(|key| key.group.as_ref() == Some(group))
    });
    match known {
        Some(key) if key.columns.contains(&column) => {
            return Err(syn::Error::new_spanned(
                group,
                "the field is in this group already",
            ));
        }
        Some(key) => key.columns.push(column),
        None => keys.push(UniqueKey {
            group,
            columns: vec![column],
        }),
    }
    Ok(())
}

fn is_relation(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    let last = path.path.segments.last();
    last.is_some_and(|last| {
        ["HasOne", "HasMany", "BelongsTo"]
            .iter()
            .any(|name| last.ident == name)
    })
}
