//! The one place where SQL is made of text, and names are matched: identifiers, literals, patterns.

mod include;
mod literal;
mod name;
mod sql;

pub use include::Include;
pub use literal::literal;
pub use name::{byte_order, object, quote};
pub use sql::{mentions_table, statements};
