//! Everything of an entity at once.

use sea_orm::{DbBackend, EntityTrait};
use sea_orm_migration::SchemaManager;

use super::{alter, index, table, trigger};
use crate::entity::TenantAware;
use crate::error::Result;
use crate::rls::{self, Roles};

/// Creates the table of a tenant-aware entity with its keys, indexes and triggers, and on PostgreSQL
/// its policies and grants: each tenant reads and writes its own rows.
///
/// Where the table exists, its columns stay as they are and the rest is brought to what the entity
/// wants: what is missing of keys and indexes is created, triggers, policies and grants are made anew.
///
/// # Errors
/// The database's, for instance where the [`Roles`] do not exist.
pub async fn install<E: TenantAware>(manager: &SchemaManager<'_>) -> Result<()> {
    structure::<E>(manager).await?;
    if manager.get_database_backend() == DbBackend::Postgres {
        let db = manager.get_connection();
        rls::install::<E, _>(db, &Roles::of_database(db).await?).await?;
    }
    Ok(())
}

/// Creates the table of an entity that every tenant reads and none writes.
///
/// # Errors
/// As [`install`].
pub async fn install_shared<E: EntityTrait>(manager: &SchemaManager<'_>) -> Result<()> {
    structure::<E>(manager).await?;
    if manager.get_database_backend() == DbBackend::Postgres {
        let db = manager.get_connection();
        rls::share::<E, _>(db, &Roles::of_database(db).await?).await?;
    }
    Ok(())
}

/// Takes away what [`install`] or [`install_shared`] made: the table, and with it its indexes,
/// triggers, policies and grants, and the trigger functions.
///
/// # Errors
/// The database's, for instance where another table refers to it.
pub async fn remove<E: EntityTrait>(manager: &SchemaManager<'_>) -> Result<()> {
    trigger::drop_triggers::<E>(manager).await?;
    table::drop_table::<E>(manager).await
}

async fn structure<E: EntityTrait>(manager: &SchemaManager<'_>) -> Result<()> {
    table::create_table::<E>(manager).await?;
    alter::create_keys::<E>(manager).await?;
    index::create_indexes::<E>(manager).await?;
    trigger::create_triggers::<E>(manager).await
}
