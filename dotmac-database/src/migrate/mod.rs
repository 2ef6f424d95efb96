//! Helpers for migrations. They take the entity, can be run again, and have a way down.
//!
//! [`install`] makes everything that an entity needs, and [`remove`] takes it away; the parts can be
//! used one by one. URLs for command lines: [`database_url`].
//!
//! They make the entity as it is *now*, and leave a table that exists as it is. A later migration that
//! adds a column asks first whether the table has it (`manager.has_column`), because on a fresh
//! database the first one has made it already, and then calls [`create_indexes`] and
//! [`create_triggers`]. Run migrations as the migrator, not as a superuser: what they create belongs to
//! whoever runs them.

mod check;
mod enumeration;
mod foreign_key;
mod index;
mod install;
mod table;
mod trigger;
mod url;

pub use check::{create_check, drop_check};
pub use index::{create_indexes, drop_indexes};
pub use install::{install, install_shared, remove};
pub use table::{create_table, drop_table};
pub use trigger::{create_triggers, drop_triggers};
pub use url::database_url;
