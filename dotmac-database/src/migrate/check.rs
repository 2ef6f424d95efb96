//! CHECK constraints, named after their table.

use sea_orm::{ConnectionTrait, EntityTrait};
use sea_orm_migration::SchemaManager;

use crate::error::Result;
use crate::ident::{object, quote};
use crate::rls::{TableName, postgres_only};

/// Creates or replaces the CHECK constraint `ck_<table>_<slug>`, for every row that is there too.
///
/// `condition` is SQL, for instance `total_cents >= 0`: the program's own text, never a user's.
///
/// # Errors
/// [`Error::Unsupported`](crate::Error::Unsupported) on SQLite, which takes checks only with the table;
/// the database's where a row does not meet the condition.
pub async fn create_check<E: EntityTrait>(
    manager: &SchemaManager<'_>,
    slug: &str,
    condition: &str,
) -> Result<()> {
    let db = manager.get_connection();
    postgres_only(db, "a CHECK constraint on a table that exists")?;
    let (table, name) = named::<E>(slug);
    db.execute_unprepared(&format!(
        "ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name};\
         ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({condition})"
    ))
    .await?;
    Ok(())
}

/// Drops what [`create_check`] made, where it is there.
///
/// # Errors
/// [`Error::Unsupported`](crate::Error::Unsupported) on SQLite; the database's.
pub async fn drop_check<E: EntityTrait>(manager: &SchemaManager<'_>, slug: &str) -> Result<()> {
    let db = manager.get_connection();
    postgres_only(db, "a CHECK constraint on a table that exists")?;
    let (table, name) = named::<E>(slug);
    db.execute_unprepared(&format!(
        "ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}"
    ))
    .await?;
    Ok(())
}

fn named<E: EntityTrait>(slug: &str) -> (String, String) {
    let table = TableName::of::<E>();
    let name = object("ck", &[table.bare(), slug]);
    (table.sql(), quote(&name))
}
