//! What has run in a database where shared migrations and those of tenants have one search path: each has a
//! table of its own to remember it.

use std::collections::HashSet;
use std::marker::PhantomData;

use sea_orm::{ConnectionTrait, DbBackend, DynIden, Statement};
use sea_orm_migration::{MigrationTrait, MigratorTrait};

use crate::error::Result;
use crate::ident::{literal, quote};

/// The migrations of `Tenant`, remembered apart from those of `Shared`.
pub struct Apart<Shared, Tenant>(PhantomData<fn() -> (Shared, Tenant)>);

impl<Shared: MigratorTrait, Tenant: MigratorTrait> MigratorTrait for Apart<Shared, Tenant> {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        Tenant::migrations()
    }

    fn migration_table_name() -> DynIden {
        let theirs = Tenant::migration_table_name().to_string();
        match theirs == Shared::migration_table_name().to_string() {
            true => format!("{theirs}_tenant").into(),
            false => theirs.into(),
        }
    }
}

/// Whether the common table is still the tenants': earlier versions of this library knew no other, and
/// refused a database where the shared migrations had run too.
pub async fn is_common<Shared, Tenant, C>(db: &C) -> Result<bool>
where
    Shared: MigratorTrait,
    Tenant: MigratorTrait,
    C: ConnectionTrait,
{
    let [common, apart] = tables::<Shared, Tenant>();
    if common == apart || !has(&common, db).await? || has(&apart, db).await? {
        return Ok(false);
    }
    let sql = format!("SELECT version FROM {}", quote(&common));
    let applied = Statement::from_string(DbBackend::Postgres, sql);
    let tenants = names::<Tenant>();
    let rows = db.query_all_raw(applied).await?;
    for row in &rows {
        if !tenants.contains(&row.try_get::<String>("", "version")?) {
            return Ok(false);
        }
    }
    Ok(!rows.is_empty())
}

/// Moves what the common table remembers of tenants to theirs, and leaves there what is shared as well.
pub async fn take_over<Shared, Tenant, C>(db: &C) -> Result<()>
where
    Shared: MigratorTrait,
    Tenant: MigratorTrait,
    C: ConnectionTrait,
{
    if !is_common::<Shared, Tenant, C>(db).await? {
        return Ok(());
    }
    Apart::<Shared, Tenant>::install(db).await?;
    let [common, apart] = tables::<Shared, Tenant>().map(|table| quote(&table));
    let shared: Vec<String> = names::<Shared>().iter().map(|it| literal(it)).collect();
    let shared = shared.join(", ");
    let sql = format!(
        "INSERT INTO {apart} (version, applied_at) SELECT version, applied_at FROM {common};\
         DELETE FROM {common} WHERE version <> ALL (ARRAY[{shared}]::text[])"
    );
    db.execute_unprepared(&sql).await?;
    Ok(())
}

/// The common table, and that of the tenants.
fn tables<Shared: MigratorTrait, Tenant: MigratorTrait>() -> [String; 2] {
    [
        Tenant::migration_table_name().to_string(),
        Apart::<Shared, Tenant>::migration_table_name().to_string(),
    ]
}

fn names<M: MigratorTrait>() -> HashSet<String> {
    let migrations = M::migrations();
    migrations.iter().map(|it| it.name().to_owned()).collect()
}

/// Whether the schema that is searched first has the table.
async fn has<C: ConnectionTrait>(table: &str, db: &C) -> Result<bool> {
    let sql = format!(
        "SELECT 1 FROM pg_class WHERE relname = {} AND relnamespace = \
         (SELECT oid FROM pg_namespace WHERE nspname = current_schema())",
        literal(table),
    );
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    Ok(db.query_one_raw(statement).await?.is_some())
}
