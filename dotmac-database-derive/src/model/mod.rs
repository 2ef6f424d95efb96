//! `#[dotmac_database::model]`: from the struct as written to the struct that SeaORM reads.

mod attribute;
mod column;
mod derive_list;
mod entity;
mod expand;
mod table;
#[cfg(test)]
mod tests;

pub use attribute::expand;
pub use column::{check_type, is_named};
