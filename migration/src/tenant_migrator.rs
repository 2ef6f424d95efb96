//! The migrations of a tenant's own schema, in order.

use sea_orm_migration::prelude::*;

/// Brings the schema of a tenant that has one to the current version: the shop's tables.
pub struct TenantMigrator;

#[async_trait::async_trait]
impl MigratorTrait for TenantMigrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(super::m20260101_000002_shop::Migration)]
    }
}
