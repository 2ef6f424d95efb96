//! `#[dotmac(unique)]` on fields: values, or groups of them, that no two rows share.

use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{Attribute, Field, Ident, LitStr, Meta, Token, Type};

use super::field::variant;
use crate::diagnostic::{Diagnostics, nearest, text};
use crate::options::Options;

/// Columns whose values are unique together.
pub struct UniqueKey {
    group: Option<LitStr>,
    /// Variants of SeaORM's `Column`.
    pub columns: Vec<Ident>,
}

/// Takes the attributes out of the fields, which SeaORM would not know.
pub fn take<'a>(
    fields: impl IntoIterator<Item = &'a mut Field>,
    diagnostics: &mut Diagnostics,
) -> Vec<UniqueKey> {
    let mut keys: Vec<UniqueKey> = Vec::new();
    for field in fields {
        for attribute in take_attributes(field) {
            let metas = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
            for meta in diagnostics.ok(metas).into_iter().flatten() {
                let added = add(&mut keys, field, &meta);
                diagnostics.ok(added);
            }
        }
    }
    keys
}

fn take_attributes(field: &mut Field) -> Vec<Attribute> {
    let attributes = std::mem::take(&mut field.attrs);
    let (ours, others) = attributes.into_iter().partition(Options::is_attribute);
    field.attrs = others;
    ours
}

fn add(keys: &mut Vec<UniqueKey>, field: &Field, meta: &Meta) -> syn::Result<()> {
    let key = meta.path().to_token_stream().to_string();
    if key != "unique" {
        let message = match nearest(&key, ["unique"]) {
            Some(hint) => format!("unknown key `{key}`: did you mean `{hint}`?"),
            None => format!("unknown key `{key}`: a field takes `unique` or `unique = \"group\"`"),
        };
        return Err(syn::Error::new_spanned(meta.path(), message));
    }
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
