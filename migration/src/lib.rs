//! The example application's entities and migrations.

mod cli;
pub mod entity;
mod m20260101_000001_roles;
mod m20260101_000002_shop;
mod m20260101_000003_directory;
mod migrator;
mod tenant_migrator;

pub use cli::Cli;
pub use migrator::Migrator;
pub use tenant_migrator::TenantMigrator;
