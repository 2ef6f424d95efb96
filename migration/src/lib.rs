//! The example application's entities and migrations.

mod cli;
pub mod entity;
mod m20260101_000001_roles;
mod m20260101_000002_shop;
mod migrator;

pub use cli::Cli;
pub use migrator::Migrator;
