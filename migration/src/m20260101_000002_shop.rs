//! The shop's tables, protected.

use dotmac_database::migrate::{install, install_shared, remove};
use sea_orm_migration::prelude::*;

use crate::entity::{order, order_line, product, tenant, user};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        install::<tenant::Entity>(manager).await?;
        install::<user::Entity>(manager).await?;
        install_shared::<product::Entity>(manager).await?;
        install::<order::Entity>(manager).await?;
        install::<order_line::Entity>(manager).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        remove::<order_line::Entity>(manager).await?;
        remove::<order::Entity>(manager).await?;
        remove::<product::Entity>(manager).await?;
        remove::<user::Entity>(manager).await?;
        remove::<tenant::Entity>(manager).await?;
        Ok(())
    }
}
