//! Entities whose rows are cached, and what a statement changes of them.
//!
//! `ability` marks an entity, `table` is its record, `key` names one of its rows, `watch` finds the tables
//! that a statement may change, and `statement` the one row, where there is only one.

mod ability;
mod key;
mod statement;
mod table;
mod watch;

pub use ability::Cached;
#[cfg(any(test, feature = "cache"))]
pub use key::KeyKind;
#[cfg(feature = "cache")]
pub use key::KeyPart;
pub use key::RowKey;
pub use table::CachedTable;
#[cfg(feature = "cache")]
pub use table::cached_tables;
pub use watch::{Cascade, Changed, cascades, changed};
