//! `#[dotmac_database::model]`: from the struct as written to the struct that SeaORM reads.

mod attribute;
mod chain;
mod column;
mod derive_list;
mod entity;
mod expand;
mod field;
mod field_key;
mod key;
mod misplaced;
mod mixin;
mod search;
mod shape;
mod slow_index;
mod table;
#[cfg(test)]
mod tests;
mod unique;

pub use attribute::expand;
pub use chain::expand as expand_with_mixins;
pub use column::{has_type, is_named};
