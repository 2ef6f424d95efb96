//! The migrations, in order.

use sea_orm_migration::prelude::*;

/// Brings a database to the current schema.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(super::m20260101_000001_roles::Migration),
            Box::new(super::m20260101_000002_shop::Migration),
            Box::new(super::m20260101_000003_directory::Migration),
        ]
    }
}
