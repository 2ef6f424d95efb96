//! Brings to their entities: accounts, currencies, entries.

use dotmac_database::migrate;
use sea_orm_migration::prelude::*;

use crate::journal::account;
use crate::journal::currency;
use crate::journal::entry;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        migrate::install::<account::Entity>(manager).await?;
        migrate::install_shared::<currency::Entity>(manager).await?;
        migrate::install::<entry::Entity>(manager).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        migrate::remove::<entry::Entity>(manager).await?;
        migrate::remove::<currency::Entity>(manager).await?;
        migrate::remove::<account::Entity>(manager).await?;
        Ok(())
    }
}
