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
        migrate::drop_index::<account::Entity>(manager, "uq_accounts_number").await?;
        migrate::install::<account::Entity>(manager).await?;
        // Decide: currencies: column `digits`: type is integer, the entity wants smallint.
        migrate::install_shared::<currency::Entity>(manager).await?;
        // Decide: entries: `legacy` in the database only, `currency`, `note` in the entity only: if
        // a column was renamed, rename it (`ALTER TABLE … RENAME COLUMN`) instead of adding a new
        // one; if none was, add `drop_column` yourself.
        migrate::drop_index::<entry::Entity>(manager, "by_hand").await?;
        migrate::add_column::<entry::Entity>(manager, "currency").await?;
        migrate::add_column::<entry::Entity>(manager, "note").await?;
        migrate::install::<entry::Entity>(manager).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        migrate::drop_foreign_key::<entry::Entity>(manager, "fk_entries_account_id_accounts")
            .await?;
        migrate::drop_index::<entry::Entity>(manager, "idx_entries_note").await?;
        migrate::drop_column::<entry::Entity>(manager, "note").await?;
        migrate::drop_column::<entry::Entity>(manager, "currency").await?;
        // The former index `by_hand` is not made again: the entity does not know it.
        migrate::drop_index::<currency::Entity>(manager, "uq_currencies_code").await?;
        migrate::drop_index::<account::Entity>(manager, "uq_accounts_tenant_id_id").await?;
        // The former index `uq_accounts_number` is not made again: the entity does not know it.
        Ok(())
    }
}
