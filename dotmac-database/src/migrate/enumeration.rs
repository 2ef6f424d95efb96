//! PostgreSQL's enum types, which several tables can share.

use sea_orm::sea_query::extension::postgres::{Type, TypeCreateStatement};
use sea_orm::sea_query::{DynIden, PostgresQueryBuilder};
use sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::SchemaManager;

use crate::error::Result;

/// Creates the type where it does not exist.
pub async fn create(manager: &SchemaManager<'_>, create: TypeCreateStatement) -> Result<()> {
    let create = create.to_string(PostgresQueryBuilder);
    unless(manager, &create, "duplicate_object").await
}

/// Drops the type unless something uses it.
pub async fn drop_unused(manager: &SchemaManager<'_>, name: DynIden) -> Result<()> {
    if manager.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let drop = Type::drop()
        .if_exists()
        .name(name)
        .to_string(PostgresQueryBuilder);
    unless(manager, &drop, "dependent_objects_still_exist").await
}

async fn unless(manager: &SchemaManager<'_>, sql: &str, condition: &str) -> Result<()> {
    let sql =
        format!("DO $dotmac$ BEGIN {sql}; EXCEPTION WHEN {condition} THEN NULL; END $dotmac$");
    manager.get_connection().execute_unprepared(&sql).await?;
    Ok(())
}
