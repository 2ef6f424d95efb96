//! Reading of `#[sea_orm(…)]` on a field; whatever is wrong in there, SeaORM reports.

use syn::{Expr, ExprLit, Field, Lit, LitStr};

pub fn is_primary_key(field: &Field) -> bool {
    value(field, "primary_key").is_some()
}

/// The junction's module in a many-to-many relation.
pub fn junction(field: &Field) -> Option<LitStr> {
    value(field, "via").flatten()
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
