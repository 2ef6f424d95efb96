//! The one place where SQL is made of text: identifiers, literals, names of database objects.

mod literal;
mod name;
mod sql;

pub use literal::literal;
pub use name::{byte_order, object, quote};
pub use sql::{mentions_table, statements};
