//! Connections beside the pool, for transactions that must not outlive a dropped future.
//!
//! Seam into SeaORM 2.0: the pool behind a `DatabaseConnection` knows how to connect.

use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseConnectionType};
use sqlx::postgres::PgPoolOptions;

use crate::context::{SchemaName, TenantId};
use crate::error::{Error, Result};
use crate::ident::literal;

/// A pool of its own to the same server, of `connections` at most, which connects when it is used.
///
/// A BEGIN whose future is dropped leaves a pooled connection inside of a transaction. The connections
/// of this pool are closed with it, and the server rolls back.
///
/// # Errors
/// [`Error::Unsupported`] elsewhere than on PostgreSQL.
pub fn beside(db: &DatabaseConnection, connections: usize) -> Result<DatabaseConnection> {
    let DatabaseConnectionType::SqlxPostgresPoolConnection(_) = &db.inner else {
        return Err(Error::Unsupported {
            what: "a schema for each tenant",
            backend: db.get_database_backend().as_str(),
        });
    };
    let pool = db.get_postgres_connection_pool();
    let acquire_timeout = pool.options().get_acquire_timeout();
    let beside = PgPoolOptions::new()
        .max_connections(u32::try_from(connections).unwrap_or(u32::MAX))
        .acquire_timeout(acquire_timeout)
        .connect_lazy_with(pool.connect_options().as_ref().clone());
    Ok(beside.into())
}

/// Waits until nobody else changes or migrates the tenant, and keeps others from it until the
/// transaction ends.
pub async fn lock<C: ConnectionTrait>(tenant: &TenantId, transaction: &C) -> Result<()> {
    let name = format!("tenant {tenant}");
    lock_name("pg_advisory_xact_lock", &name, transaction).await
}

/// The same for the template.
pub async fn lock_template<C: ConnectionTrait>(
    template: &SchemaName,
    transaction: &C,
) -> Result<()> {
    let name = format!("template {template}");
    lock_name("pg_advisory_xact_lock", &name, transaction).await
}

/// Keeps the template as it is, for as many as copy it.
pub async fn share_template<C: ConnectionTrait>(
    template: &SchemaName,
    transaction: &C,
) -> Result<()> {
    let name = format!("template {template}");
    lock_name("pg_advisory_xact_lock_shared", &name, transaction).await
}

async fn lock_name<C: ConnectionTrait>(function: &str, name: &str, transaction: &C) -> Result<()> {
    let name = literal(&format!("dotmac {name}"));
    let sql = format!("SELECT {function}(hashtextextended({name}, 0))");
    transaction.execute_unprepared(&sql).await?;
    Ok(())
}

/// Has the rest of the transaction find and make unqualified names in this schema only.
pub async fn enter<C: ConnectionTrait>(schema: &SchemaName, transaction: &C) -> Result<()> {
    let sql = format!("SET LOCAL search_path = {}", schema.sql());
    transaction.execute_unprepared(&sql).await?;
    Ok(())
}
