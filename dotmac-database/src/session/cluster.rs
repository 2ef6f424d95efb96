//! What all sessions of a `Database` share: the primary, its replicas, and what is counted.

use std::sync::Arc;
use std::time::Duration;

use super::follow::Followers;
use super::live::Live;
use super::pool::Pool;
use super::replica::Replicas;
use super::tally::Tally;
use crate::config::DatabaseConfig;
use crate::error::{Error, Result};

/// How long idle connections may take to say goodbye to a server once the deadline has passed.
const GOODBYE: Duration = Duration::from_secs(1);

/// The primary and its replicas; sessions hold it by `Arc`.
pub struct Cluster {
    pub primary: Pool,
    /// None where none are configured, so that a read session asks nobody.
    pub replicas: Option<Replicas>,
    pub live: Live,
    pub tally: Tally,
    /// Those of the application's pool and of the system's are the same; databases may share theirs too.
    pub followers: Arc<Followers>,
}

impl Cluster {
    pub async fn connect(config: &DatabaseConfig, followers: Arc<Followers>) -> Result<Self> {
        if config.url().starts_with("sqlite:") && !config.replicas.is_empty() {
            return Err(Error::Config {
                variable: "DATABASE_REPLICA_URLS",
                reason: "names replicas, and the database is SQLite, which has none".to_owned(),
            });
        }
        let primary = Pool::connect(config).await?;
        let replicas = match config.replicas.is_empty() {
            true => None,
            false => Some(Replicas::open(config)?),
        };
        Ok(Cluster {
            primary,
            replicas,
            live: Live::default(),
            tally: Tally::default(),
            followers,
        })
    }

    /// Refuses new sessions, waits for the open ones, and closes the pools.
    pub async fn close(&self) {
        self.refuse();
        self.live.emptied().await;
        self.close_pools().await;
    }

    /// The same, but cuts off what is open after `deadline`, and says how much that was.
    pub async fn close_within(&self, deadline: Duration) -> usize {
        self.refuse();
        let closed = async {
            self.live.emptied().await;
            self.close_pools().await;
        };
        if tokio::time::timeout(deadline, closed).await.is_ok() {
            return 0;
        }
        let cut_off = self.live.cut();
        // Whoever holds a connection of `plain()` is not waited for.
        if tokio::time::timeout(GOODBYE, self.close_pools())
            .await
            .is_err()
        {
            tracing::warn!("connections outside of sessions are still in use: left to their users");
        }
        cut_off
    }

    /// Refuses new sessions from now on.
    pub fn refuse(&self) {
        self.live.refuse();
        if let Some(replicas) = &self.replicas {
            replicas.stop();
        }
    }

    async fn close_pools(&self) {
        if let Some(replicas) = &self.replicas {
            replicas.close().await;
        }
        self.primary.close().await;
    }
}
