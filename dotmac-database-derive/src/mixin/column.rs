//! What a field of a mixin can be: a column, but neither a key nor a relation.

use syn::{Expr, Field, Path, Type};

/// Relations name entities and columns that a mixin cannot know.
const RELATION_TYPES: [&str; 3] = ["BelongsTo", "HasOne", "HasMany"];
const RELATION_KEYS: [&str; 4] = ["belongs_to", "has_one", "has_many", "self_ref"];

/// Refuses a field that no entity could take over.
pub fn check(field: &Field) -> syn::Result<()> {
    if let Type::Path(ty) = &field.ty
        && let Some(last) = ty.path.segments.last()
        && RELATION_TYPES.iter().any(|name| last.ident == name)
    {
        return Err(relation(&last.ident));
    }
    for attribute in field.attrs.iter().filter(|a| a.path().is_ident("sea_orm")) {
        let mut refused = None;
        // Whatever else is wrong in there, SeaORM reports.
        let _ = attribute.parse_nested_meta(|meta| {
            if let Ok(value) = meta.value() {
                value.parse::<Expr>()?;
            }
            refused = refused.take().or_else(|| refusal(&meta.path));
            Ok(())
        });
        if let Some(error) = refused {
            return Err(error);
        }
    }
    Ok(())
}

fn refusal(key: &Path) -> Option<syn::Error> {
    if RELATION_KEYS.iter().any(|name| key.is_ident(name)) {
        return Some(relation(key));
    }
    let message = if key.is_ident("primary_key") {
        "a mixin cannot bring a key: it belongs to the entity"
    } else if key.is_ident("ignore") {
        "a mixin brings columns only: remove the field, or `ignore`"
    } else {
        return None;
    };
    Some(syn::Error::new_spanned(key, message))
}

fn relation(tokens: &impl quote::ToTokens) -> syn::Error {
    syn::Error::new_spanned(
        tokens,
        "a mixin cannot bring a relation: write it in the entity, from the mixin's column",
    )
}
