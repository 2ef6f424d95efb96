//! Reading of `#[sea_orm(…)]` on a field; whatever is wrong in there, SeaORM reports.

use heck::ToUpperCamelCase;
use syn::{Expr, ExprLit, Field, Ident, Lit, LitStr};

pub fn is_primary_key(field: &Field) -> bool {
    value(field, "primary_key").is_some()
}

/// The junction's module in a many-to-many relation.
pub fn junction(field: &Field) -> Option<LitStr> {
    value(field, "via").flatten()
}

/// The variant that SeaORM makes of a field.
pub fn variant(field: &Field) -> Option<Ident> {
    let ident = field.ident.as_ref()?;
    if let Some(name) = value(field, "enum_name").flatten() {
        return name.parse().ok();
    }
    let name = ident.to_string();
    let name = name.trim_start_matches("r#").to_upper_camel_case();
    Some(Ident::new(&name, ident.span()))
}

/// `Some(None)` for a key without a string, `Some(Some(_))` with one, `None` where it is absent.
pub fn value(field: &Field, key: &str) -> Option<Option<LitStr>> {
    let mut found = None;
    for attribute in field.attrs.iter().filter(|a| a.path().is_ident("sea_orm")) {
        let _ = attribute.parse_nested_meta(|meta| {
            let value = match meta.value() {
                Ok(value) => value.parse::<Expr>().ok(),
                Err(_) => None,
            };
            if meta.path.is_ident(key) {
                found = Some(match value {
                    Some(Expr::Lit(ExprLit {
                        lit: Lit::Str(text),
                        ..
                    })) => Some(text),
                    _ => None,
                });
            }
            Ok(())
        });
    }
    found
}
