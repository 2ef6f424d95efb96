//! Indexed columns whose `=` PostgreSQL does not trust with rows that a policy hides.

use syn::{Field, Ident};

use super::column::short;
use super::field::value;

/// What is indexed in vain.
pub struct SlowIndex {
    /// The field, at its place in the source.
    pub field: Ident,
    pub remedy: &'static str,
}

/// Judges a field by its type as written; a type that hides behind another name is left to the check
/// of the catalog.
pub fn of(field: &Field, is_unique: bool) -> Option<SlowIndex> {
    let is_indexed = ["indexed", "unique", "unique_key"]
        .iter()
        .any(|key| value(field, key).is_some());
    if !is_unique && !is_indexed {
        return None;
    }
    Some(SlowIndex {
        field: field.ident.clone()?,
        remedy: remedy(field)?,
    })
}

// https://www.postgresql.org/docs/15/catalog-pg-proc.html, `proleakproof` of the operators of btree.
fn remedy(field: &Field) -> Option<&'static str> {
    let column_type = value(field, "column_type").flatten();
    let column_type = column_type.map(|ty| ty.value()).unwrap_or_default();
    let ty = short(&field.ty);
    let inner = ty
        .strip_prefix("Option<")
        .and_then(|it| it.strip_suffix('>'));
    let ty = inner.unwrap_or(&ty);
    let is_declared = |names: &[&str]| names.iter().any(|name| column_type.starts_with(name));
    if matches!(ty, "Decimal" | "BigDecimal") || is_declared(&["Decimal"]) {
        return Some("store whole units in an `i64`, such as cents");
    }
    if matches!(ty, "Json" | "JsonValue") || is_declared(&["Json"]) {
        return Some("index a column that is generated from the value");
    }
    if (ty.starts_with("Vec<") && ty != "Vec<u8>") || is_declared(&["Array"]) {
        return Some("store the items in a table of their own");
    }
    if column_type.to_lowercase().contains("citext") {
        return Some("use a `String` with `#[dotmac(case_insensitive)]`");
    }
    if is_declared(&["Enum"]) {
        return Some("store the text, with `rs_type = \"String\"`, `db_type = \"String(…)\"`");
    }
    None
}
