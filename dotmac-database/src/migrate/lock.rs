//! One process at a time migrates a database.
//!
//! Seam into SeaORM 2.0: the pool behind a `DatabaseConnection` knows how to connect.

use std::sync::Arc;

use sea_orm::{DatabaseConnection, DatabaseConnectionType, DbErr, RuntimeErr};
use sqlx::{Connection, Executor, PgConnection};

use crate::error::{Error, Result};

/// An advisory lock of a database, held while the value lives; nothing on SQLite.
///
/// It has a connection of its own, outside of the pool, which might be too small for one more. The
/// transaction keeps server and lock together behind a PgBouncer in transaction mode; without a
/// snapshot, it is in nobody's way.
pub struct Lock {
    connection: Option<PgConnection>,
}

// The key is "dotmacdb" in ASCII.
const ACQUIRE: &str = "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
    SET LOCAL idle_in_transaction_session_timeout = 0; \
    SELECT pg_advisory_xact_lock(7237131139341837410)";

impl Lock {
    /// Waits until no other process has it.
    ///
    /// # Cancel safety
    /// A future that is dropped closes its connection, and with it gives up the lock.
    pub async fn acquire(db: &DatabaseConnection) -> Result<Self> {
        let DatabaseConnectionType::SqlxPostgresPoolConnection(_) = &db.inner else {
            return Ok(Lock { connection: None });
        };
        let options = db.get_postgres_connection_pool().connect_options();
        let mut connection = PgConnection::connect_with(&options)
            .await
            .map_err(connection_error)?;
        connection
            .execute(ACQUIRE)
            .await
            .map_err(connection_error)?;
        Ok(Lock {
            connection: Some(connection),
        })
    }

    /// Gives it up, and tells where it was lost: then another process may have migrated at the same
    /// time.
    pub async fn release(self) -> Result<()> {
        let Some(mut connection) = self.connection else {
            return Ok(());
        };
        connection
            .execute("COMMIT")
            .await
            .map_err(connection_error)?;
        connection.close().await.map_err(connection_error)
    }
}

fn connection_error(error: sqlx::Error) -> Error {
    DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))).into()
}
