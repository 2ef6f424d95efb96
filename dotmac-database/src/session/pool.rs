//! The pool of connections, one type for PostgreSQL and SQLite.

use std::str::FromStr;
use std::time::Duration;

use sea_orm::{DatabaseConnection, DbBackend};
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};

use super::wire::Wire;
use crate::config::DatabaseConfig;

/// A connection that was idle for longer is tested before its next use; the hot path is not.
const PING_AFTER_IDLE: Duration = Duration::from_secs(30);

/// A pool; clones share it.
#[derive(Clone)]
pub enum Pool {
    Postgres { pool: PgPool, persistent: bool },
    Sqlite { pool: SqlitePool },
}

impl Pool {
    pub async fn connect(config: &DatabaseConfig) -> Result<Self, sqlx::Error> {
        if config.url().starts_with("sqlite:") {
            return Self::connect_sqlite(config).await;
        }
        let options = postgres_options(config)?;
        let pool = PgPoolOptions::new()
            .max_connections(config.max_connections())
            .acquire_timeout(config.pool_timeout)
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
            .await?;
        Ok(Pool::Postgres {
            pool,
            persistent: !config.pgbouncer,
        })
    }

    // A database in memory lives as long as its one connection, which is therefore never replaced,
    // nor tested: sqlx closes a connection whose test is cancelled.
    async fn connect_sqlite(config: &DatabaseConfig) -> Result<Self, sqlx::Error> {
        let options = SqliteConnectOptions::from_str(config.url())?;
        let options = log(options, config.echo);
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(config.pool_timeout)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options)
            .await?;
        Ok(Pool::Sqlite { pool })
    }

    pub async fn acquire(&self) -> Result<Wire, sqlx::Error> {
        Ok(match self {
            Pool::Postgres { pool, persistent } => Wire::Postgres {
                connection: pool.acquire().await?,
                persistent: *persistent,
            },
            Pool::Sqlite { pool } => Wire::Sqlite {
                connection: pool.acquire().await?,
            },
        })
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

fn postgres_options(config: &DatabaseConfig) -> Result<PgConnectOptions, sqlx::Error> {
    let mut options =
        PgConnectOptions::from_str(config.url())?.application_name(&config.application_name);
    // PgBouncer refuses startup parameters that it does not know.
    if config.pgbouncer {
        options = options.statement_cache_capacity(0);
    } else {
        let timeout = config.statement_timeout.as_millis().to_string();
        options = options.options([("jit", "off"), ("statement_timeout", timeout.as_str())]);
    }
    Ok(log(options, config.echo))
}

// sqlx logs the text of statements, never their values.
fn log<O: ConnectOptions>(options: O, echo: bool) -> O {
    if echo {
        options.log_statements(log::LevelFilter::Debug)
    } else {
        options.disable_statement_logging()
    }
}
