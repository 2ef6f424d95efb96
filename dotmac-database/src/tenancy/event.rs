//! `Directory::events`: what changes in the directory, as it is committed.
//!
//! Seam into SeaORM 2.0: the pool behind a `DatabaseConnection` knows how to connect.

use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use sea_orm::{DatabaseConnectionType, DbBackend, DbErr, RuntimeErr};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};

use super::{Directory, TenantState};
use crate::context::TenantId;
use crate::error::{Error, Result};
use crate::session::Database;

/// How long a lost connection is left alone before the next attempt.
const PAUSE: Duration = Duration::from_secs(1);

/// A change of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DirectoryEvent {
    /// A tenant was registered or changed.
    Changed {
        /// Which.
        tenant: TenantId,
        /// Its state by then.
        state: TenantState,
    },
    /// A tenant was dropped.
    Removed {
        /// Which.
        tenant: TenantId,
    },
    /// Changes may have been missed, because the connection was lost: whatever is kept of the directory
    /// is to be forgotten.
    Missed,
}

impl DirectoryEvent {
    /// Reads `<state> <tenant>` or `removed <tenant>`.
    fn read(payload: &str) -> Self {
        let parsed = payload.split_once(' ').and_then(|(what, tenant)| {
            let tenant = TenantId::parse(tenant).ok()?;
            Some(match what {
                "removed" => DirectoryEvent::Removed { tenant },
                state => DirectoryEvent::Changed {
                    state: state.parse().ok()?,
                    tenant,
                },
            })
        });
        parsed.unwrap_or(DirectoryEvent::Missed)
    }
}

impl Directory {
    /// The changes from now on, each after its COMMIT: for instance to forget what is cached of a tenant.
    ///
    /// It listens on a connection of its own, outside of the pool, until the stream is dropped. A lost
    /// connection is made again, and told as [`DirectoryEvent::Missed`]. An event is a hint to read
    /// again and no proof: every login may notify on any channel.
    ///
    /// # Errors
    /// [`Error::Unsupported`] on SQLite; [`Error::Pooled`] behind PgBouncer in transaction mode, which
    /// does not keep a connection to listen on; the connection's.
    ///
    /// # Cancel safety
    /// Safe at any point.
    pub async fn events(
        &self,
        db: &Database,
    ) -> Result<impl Stream<Item = DirectoryEvent> + Send + Unpin + use<>> {
        let options = options(db)?;
        let mut listener = listen(&options).await.map_err(connection_error)?;
        Ok(Box::pin(async_stream::stream! {
            loop {
                match listener.try_recv().await {
                    Ok(Some(notification)) => yield DirectoryEvent::read(notification.payload()),
                    // It has been made again already.
                    Ok(None) => yield DirectoryEvent::Missed,
                    Err(error) => {
                        tracing::warn!(%error, "the events of the directory are interrupted");
                        listener = listen_again(&options).await;
                        yield DirectoryEvent::Missed;
                    }
                }
            }
        }))
    }
}

fn options(db: &Database) -> Result<Arc<PgConnectOptions>> {
    if db.backend() != DbBackend::Postgres {
        return Err(Error::Unsupported {
            what: "LISTEN",
            backend: "SQLite",
        });
    }
    let plain = db.plain();
    match &plain.inner {
        DatabaseConnectionType::SqlxPostgresPoolConnection(_) => {
            Ok(plain.get_postgres_connection_pool().connect_options())
        }
        _ => Err(Error::Pooled { what: "LISTEN" }),
    }
}

async fn listen(options: &PgConnectOptions) -> Result<PgListener, sqlx::Error> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect_lazy_with(options.clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen(Directory::TABLE).await?;
    Ok(listener)
}

async fn listen_again(options: &PgConnectOptions) -> PgListener {
    loop {
        match listen(options).await {
            Ok(listener) => return listener,
            Err(error) => tracing::debug!(%error, "the directory cannot be listened to"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn connection_error(error: sqlx::Error) -> Error {
    DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_taken_for_a_change_that_was_missed() {
        let acme = TenantId::parse("acme").expect("valid");
        let (tenant, state) = (acme.clone(), TenantState::Active);
        let changed = DirectoryEvent::Changed { tenant, state };
        assert_eq!(DirectoryEvent::read("active acme"), changed);
        let removed = DirectoryEvent::Removed { tenant: acme };
        assert_eq!(DirectoryEvent::read("removed acme"), removed);
        for forged in ["", "acme", "gone acme", "active a b", "active "] {
            assert_eq!(
                DirectoryEvent::read(forged),
                DirectoryEvent::Missed,
                "{forged}"
            );
        }
    }
}
