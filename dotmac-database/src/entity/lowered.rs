//! Generated columns of lower case: how texts are compared whatever the case of their letters.
//!
//! PostgreSQL does not trust `lower` with rows that a policy hides, so that an index over `lower(email)`
//! is of no use under policies; one over a column generated from it is.

use sea_orm::EntityTrait;

use super::registry::description;
use crate::ident::object;

/// The column that holds `column` in lower case.
pub fn lowered(column: &str) -> String {
    object(column, &["lower"])
}

/// The columns of the entity that have one of lower case beside them.
pub fn case_insensitive<E: EntityTrait>() -> &'static [&'static str] {
    description::<E>().map_or(&[], |entity| &entity.case_insensitive)
}
