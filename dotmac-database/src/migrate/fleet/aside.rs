//! Connections beside the pool, for transactions that must not outlive a dropped future.
//!
//! Seam into SeaORM 2.0: the pool behind a `DatabaseConnection` knows how to connect.

use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseConnectionType, DbErr, RuntimeErr};

use crate::context::{SchemaName, SearchPath, SessionPath, TenantId};
use crate::error::{Error, Result};
use crate::ident::literal;

/// A pool of its own to the same server, of `connections` at most, which connects when it is used; what the
/// other pool does to a new connection, such as setting the search path, this one does too.
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
    let options = pool.options().clone().min_connections(0);
    let beside = options
        .max_connections(u32::try_from(connections).unwrap_or(u32::MAX))
        .connect_lazy_with(pool.connect_options().as_ref().clone());
    Ok(beside.into())
}

/// Waits until nobody else changes or migrates the tenant, and keeps others from it until the
/// transaction ends.
pub async fn lock<C: ConnectionTrait>(tenant: &TenantId, transaction: &C) -> Result<()> {
    let name = format!("tenant {tenant}");
    lock_name("pg_advisory_xact_lock", &name, transaction).await
}

/// The same for as long as it takes, while other connections do the work.
pub async fn hold<C: ConnectionTrait>(tenant: &TenantId, transaction: &C) -> Result<()> {
    let patient = "SET LOCAL idle_in_transaction_session_timeout = 0";
    transaction.execute_unprepared(patient).await?;
    lock(tenant, transaction).await
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

/// Has the rest of the transaction make unqualified names in this schema, and find them there and in the
/// shared schemas of the path.
///
/// # Errors
/// [`TenancyError::UnknownSchema`](crate::TenancyError::UnknownSchema) for a schema that is not there;
/// [`Error::Config`] for a path with the schema of one tenant.
pub async fn enter<C: ConnectionTrait>(
    schema: &SchemaName,
    path: &SearchPath,
    transaction: &C,
) -> Result<()> {
    let path = path.within(schema)?;
    let sql = path.set_local() + &path.check();
    let entered = transaction.execute_unprepared(&sql).await;
    entered.map(drop).map_err(|error| refusal(&path, error))
}

fn refusal(path: &SessionPath, error: DbErr) -> Error {
    if let DbErr::Exec(RuntimeErr::SqlxError(refused)) = &error
        && let Some(refused) = refused.as_database_error()
        && let Some("3F000" | "42501") = refused.code().as_deref()
        && let Some(unknown) = path.unknown(refused.message())
    {
        return unknown.into();
    }
    error.into()
}
