//! The directory of tenants, where the database can hold one.

use dotmac_database::migrate::{install_directory, remove_directory};
use dotmac_database::tenancy::Directory;
use sea_orm::DbBackend;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            install_directory(&Directory::new(), manager).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            remove_directory(&Directory::new(), manager).await?;
        }
        Ok(())
    }
}
