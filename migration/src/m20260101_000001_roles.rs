//! Makes sure that the roles exist, where the database has roles. `Roles::create` makes them
//! beforehand, as a role with CREATEROLE; migrations run as the migrator.

use dotmac_database::rls::Roles;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == sea_orm::DbBackend::Postgres {
            let db = manager.get_connection();
            Roles::of_database(db).await?.create(db).await?;
        }
        Ok(())
    }

    // Roles have passwords and may be used by more than this schema: who wants them gone drops them
    // by `Roles::drop`.
    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }
}
