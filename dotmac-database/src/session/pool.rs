//! The pool of connections, one type for PostgreSQL and SQLite.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::{DatabaseConnection, DbBackend};
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};

use super::options;
use super::unit::acquire_error;
use super::wire::Wire;
use crate::config::DatabaseConfig;
use crate::error::Result;

/// A connection that was idle for longer is tested before its next use; the hot path is not.
const PING_AFTER_IDLE: Duration = Duration::from_secs(30);

/// A pool; clones share it.
#[derive(Clone)]
pub enum Pool {
    Postgres {
        pool: PgPool,
        persistent: bool,
        /// What each transaction sets for itself, because the connection could not.
        settings: Arc<str>,
    },
    Sqlite {
        pool: SqlitePool,
    },
}

impl Pool {
    pub async fn connect(config: &DatabaseConfig) -> Result<Self> {
        config.check()?;
        if config.url().starts_with("sqlite:") {
            return Self::connect_sqlite(config).await;
        }
        let options = options::postgres(config, config.url())?;
        let pool = PgPoolOptions::new()
            .max_connections(config.max_connections())
            .min_connections(config.min_connections)
            .acquire_timeout(config.pool_timeout)
            .idle_timeout(config.idle_timeout)
            .max_lifetime(config.pool_recycle)
            .test_before_acquire(false)
            .before_acquire(|connection, idle| {
                Box::pin(async move {
                    if idle.idle_for >= PING_AFTER_IDLE {
                        sqlx::Connection::ping(connection).await?;
                    }
                    Ok(true)
                })
            })
            .connect_with(options)
            .await
            .map_err(acquire_error)?;
        Ok(Pool::Postgres {
            pool,
            persistent: !config.pgbouncer,
            settings: options::transaction_settings(config).into(),
        })
    }

    // A database in memory lives as long as its one connection, which is therefore never replaced,
    // nor tested: sqlx closes a connection whose test is cancelled.
    async fn connect_sqlite(config: &DatabaseConfig) -> Result<Self> {
        let options = options::sqlite(config)?;
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(config.pool_timeout)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options)
            .await
            .map_err(acquire_error)?;
        Ok(Pool::Sqlite { pool })
    }

    pub async fn acquire(&self) -> Result<Wire, sqlx::Error> {
        Ok(match self {
            Pool::Postgres {
                pool, persistent, ..
            } => Wire::Postgres {
                connection: pool.acquire().await?,
                persistent: *persistent,
            },
            Pool::Sqlite { pool } => Wire::Sqlite {
                connection: pool.acquire().await?,
            },
        })
    }

    /// What a transaction begins with, as SQL.
    pub fn settings(&self) -> Arc<str> {
        match self {
            Pool::Postgres { settings, .. } => Arc::clone(settings),
            Pool::Sqlite { .. } => "".into(),
        }
    }

    pub fn backend(&self) -> DbBackend {
        match self {
            Pool::Postgres { .. } => DbBackend::Postgres,
            Pool::Sqlite { .. } => DbBackend::Sqlite,
        }
    }

    /// The same pool as SeaORM's connection, which carries no context.
    pub fn plain(&self) -> DatabaseConnection {
        match self {
            Pool::Postgres { pool, .. } => pool.clone().into(),
            Pool::Sqlite { pool } => pool.clone().into(),
        }
    }

    pub async fn close(&self) {
        match self {
            Pool::Postgres { pool, .. } => pool.close().await,
            Pool::Sqlite { pool } => pool.close().await,
        }
    }
}
