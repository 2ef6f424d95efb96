//! Helpers for migrations. They take the entity, can be run again, and have a way down.
//!
//! [`install`] makes everything that an entity needs, and [`remove`] takes it away; the parts can be
//! used one by one. [`generate`] writes the migrations, from what [`diff`] finds. [`Runner`] applies
//! them and runs hooks afterwards. URLs for command lines: [`database_url`].
//!
//! # Later changes
//! The helpers make the entity as it is *now*. The first migration of a fresh database therefore makes
//! columns that a later migration adds, and an old migration changes its meaning when the entity
//! changes. So a later migration must be right on both databases, the fresh one and the old one:
//! [`add_column`] and [`drop_column`] ask first whether the table has the column, and take its name as
//! text, so that they go on compiling when the entity has lost it. When an entity is deleted, its old
//! migrations no longer compile: let the first one create the table by hand, or drop both.
//!
//! Run migrations as the migrator, not as a superuser: what they create belongs to whoever runs them.

mod alter;
mod catalog;
mod check;
mod comparison;
mod difference;
mod directory;
mod enumeration;
mod fence;
mod fleet;
mod foreign_key;
mod generate;
mod hook;
mod index;
mod install;
mod installable;
mod lock;
#[cfg(feature = "cache")]
mod outbox;
mod pending;
mod runner;
mod scratch;
mod table;
mod trigger;
mod url;

pub use crate::ident::Include;
pub use alter::{
    add_column, add_column_with_value, create_keys, drop_column, drop_foreign_key, drop_index,
};
pub use check::{create_check, drop_check};
pub use comparison::{Comparison, diff};
pub use difference::{Change, Difference, Object};
pub use directory::{install_directory, remove_directory};
pub use fence::add_fence;
pub use fleet::{
    Archived, DropMode, Fleet, FleetEvent, FleetPlan, FleetReport, TenantFailure, TenantPlan,
    VersionPolicy,
};
pub use generate::{Generate, GenerateError, Generated, generate};
pub use hook::HookResult;
pub use index::{create_indexes, drop_indexes};
pub use install::{install, install_shared, remove};
#[doc(hidden)]
pub use installable::Installable;
#[cfg(feature = "cache")]
pub use outbox::{install_outbox, remove_outbox};
pub use pending::pending;
pub use runner::Runner;
pub use table::{create_table, drop_table};
pub use trigger::{create_triggers, drop_triggers};
pub use url::database_url;
