//! The pool of connections, one type for PostgreSQL and SQLite.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::{DatabaseConnection, DbBackend, DbErr};
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};

use super::gate::Afterwards;
use super::options;
use super::replica::{Standing, admit};
use super::unit::{acquire_error, query_error};
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
        let pool = pool_options(config).min_connections(config.min_connections);
        let pool = pool.connect_with(options).await.map_err(acquire_error)?;
        Ok(Self::postgres(pool, config))
    }

    /// The pool of a replica: it connects when it is used, and to the server that was checked only.
    pub fn replica(config: &DatabaseConfig, url: &str, standing: Arc<Standing>) -> Result<Self> {
        let pool = pool_options(config)
            .after_connect(move |connection, _| {
                let standing = Arc::clone(&standing);
                Box::pin(async move { admit(connection, &standing).await })
            })
            .connect_lazy_with(options::postgres(config, url)?);
        Ok(Self::postgres(pool, config))
    }

    /// Connections beside those of sessions, for locks that belong to one: they go on where no statement may
    /// run for long, and a server finds within half a minute that their host is gone.
    pub fn of_locks(config: &DatabaseConfig, most: u32, timeout: Duration) -> Result<PgPool> {
        let mut config = config.clone();
        config.statement_timeout = None;
        config.lock_timeout = None;
        let options = options::postgres(&config, config.url())?;
        let options = options.options([
            ("tcp_keepalives_idle", "10"),
            ("tcp_keepalives_interval", "5"),
            ("tcp_keepalives_count", "3"),
        ]);
        Ok(PgPoolOptions::new()
            .max_connections(most)
            .acquire_timeout(timeout)
            .idle_timeout(config.idle_timeout)
            .max_lifetime(config.pool_recycle)
            .connect_lazy_with(options))
    }

    fn postgres(pool: PgPool, config: &DatabaseConfig) -> Self {
        Pool::Postgres {
            pool,
            persistent: !config.pgbouncer,
            settings: options::transaction_settings(config).into(),
        }
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

    /// Asks for an answer.
    pub async fn ping(&self) -> Result<()> {
        let mut wire = self.acquire().await.map_err(acquire_error)?;
        let answered = wire.ping().await;
        Ok(answered.map_err(|error| query_error(error, DbErr::Conn))?)
    }

    /// Closes the connections that nobody uses.
    pub fn forget_idle(&self) {
        if let Pool::Postgres { pool, .. } = self {
            while let Some(connection) = pool.try_acquire() {
                drop(connection.detach());
            }
        }
    }

    /// How many connections are open, and how many of them idle.
    pub fn size(&self) -> (u32, u32) {
        let (open, idle) = match self {
            Pool::Postgres { pool, .. } => (pool.size(), pool.num_idle()),
            Pool::Sqlite { pool } => (pool.size(), pool.num_idle()),
        };
        // The two are read one after the other.
        (open, u32::try_from(idle).unwrap_or(open).min(open))
    }

    /// The most connections that it opens.
    pub fn max(&self) -> u32 {
        match self {
            Pool::Postgres { pool, .. } => pool.options().get_max_connections(),
            Pool::Sqlite { pool } => pool.options().get_max_connections(),
        }
    }

    /// What a transaction begins with, as SQL.
    pub fn settings(&self) -> Arc<str> {
        match self {
            Pool::Postgres { settings, .. } => Arc::clone(settings),
            Pool::Sqlite { .. } => "".into(),
        }
    }

    /// Whose a connection is after its transaction.
    pub fn afterwards(&self) -> Afterwards {
        match self {
            Pool::Postgres { persistent, .. } if !*persistent => Afterwards::Anybodys,
            Pool::Postgres { .. } | Pool::Sqlite { .. } => Afterwards::Own,
        }
    }

    pub fn backend(&self) -> DbBackend {
        match self {
            Pool::Postgres { .. } => DbBackend::Postgres,
            Pool::Sqlite { .. } => DbBackend::Sqlite,
        }
    }

    /// The same pool as SeaORM's connection, which carries no context.
    ///
    /// SeaORM prepares statements by name, and PgBouncer may run the one that another client gave the
    /// same name: there it is a connection that refuses everything.
    pub fn plain(&self) -> DatabaseConnection {
        match self {
            Pool::Postgres { .. } if self.afterwards() == Afterwards::Anybodys => {
                tracing::error!(
                    "`Database::plain` prepares statements by name, which PgBouncer in transaction \
                     mode does not keep apart: use sessions, or a URL that leads to PostgreSQL itself"
                );
                DatabaseConnection::default()
            }
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

fn pool_options(config: &DatabaseConfig) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(config.max_connections())
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
}
