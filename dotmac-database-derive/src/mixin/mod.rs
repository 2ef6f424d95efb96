//! `#[dotmac_database::mixin]`: a set of columns that entities add by name.
//!
//! A macro cannot read another item. So a mixin is a struct, and beside it a `macro_rules!` of the
//! same name, which the same path reaches: an entity calls it with its own tokens, and is called back
//! with the mixin's columns in front of them.

mod attribute;
mod column;
mod column_type;
mod expand;
#[cfg(test)]
mod tests;

pub use attribute::expand;
pub use column_type::{core_of, is_universal, with_core};
