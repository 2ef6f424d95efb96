//! The primary key: the user's own, or the `id` that `BaseModel` brings.

use syn::{Field, Ident, Type, parse_quote};

use super::column::is_named;
use super::derive_list::DeriveList;
use super::field::is_primary_key;
use crate::diagnostic::Diagnostics;
use crate::feature::{Feature, Role};
use crate::options::Options;

/// Whether `id` is a column of ours: injected, or the entity's only key and a UUID.
///
/// Reports a key that is missing or not marked, and makes up for it: SeaORM would fail at length.
pub fn is_ours(
    model: &Ident,
    fields: &mut [Field],
    derives: &DeriveList,
    options: &Options,
    diagnostics: &mut Diagnostics,
) -> bool {
    let name = options.name(Role::Id);
    if !fields.iter().any(is_primary_key) {
        let unmarked = fields.iter_mut().find(|field| is_named(field, &name));
        if let Some(field) = unmarked {
            diagnostics.at(
                &field.ident,
                "a key declared by hand needs `#[sea_orm(primary_key)]`",
            );
            field.attrs.push(parse_quote!(#[sea_orm(primary_key)]));
        } else if !derives.has(Feature::BaseModel) {
            diagnostics.at(
                model,
                "an entity needs a key: list `BaseModel`, or put `#[sea_orm(primary_key)]` on a field",
            );
            return true;
        }
    }
    derives.has(Feature::BaseModel) && is_uuid_or_absent(fields, &name)
}

fn is_uuid_or_absent(fields: &[Field], name: &str) -> bool {
    let keys: Vec<&Field> = fields.iter().filter(|f| is_primary_key(f)).collect();
    match keys.as_slice() {
        [] => true,
        [key] => is_named(key, name) && is_uuid(&key.ty),
        _ => false,
    }
}

fn is_uuid(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    path.path.segments.last().is_some_and(|s| s.ident == "Uuid")
}
