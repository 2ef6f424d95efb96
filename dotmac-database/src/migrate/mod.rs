//! Helpers for migrations. They take the entity, can be run again, and have a way down.
//!
//! [`install`] makes everything that an entity needs, and [`remove`] takes it away; the parts can be
//! used one by one. URLs for command lines: [`database_url`].

mod enumeration;
mod foreign_key;
mod index;
mod install;
mod table;
mod trigger;
mod url;

pub use index::{create_indexes, drop_indexes};
pub use install::{install, install_shared, remove};
pub use table::{create_table, drop_table};
pub use trigger::{create_triggers, drop_triggers};
pub use url::database_url;
