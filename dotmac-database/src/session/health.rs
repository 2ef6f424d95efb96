//! `Database::health`: an answer for a health endpoint, bounded in time and never an error.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::cluster::Cluster;
use super::handle::Session;
use super::statistics::{self, PoolStatistics, ReplicaStatistics};
use crate::error::{ErrorKind, Result};

/// How long each question may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How the database is, seen from this process.
///
/// It holds no login and no text of an error, so that it can be shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Health {
    /// The primary, asked through the pool of the sessions.
    pub primary: PrimaryHealth,
    /// The connections to the primary.
    pub pool: PoolStatistics,
    /// The replicas, as the probe last saw them.
    pub replicas: Vec<ReplicaStatistics>,
    /// Whether the migrations are current, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migrations: Option<MigrationHealth>,
    /// The program is shutting down: new sessions are refused.
    pub closing: bool,
}

/// The primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum PrimaryHealth {
    /// It answered.
    Reachable {
        /// After this time, with the wait for a connection; serialized as seconds.
        #[serde(
            rename = "latency_seconds",
            serialize_with = "super::statistics::seconds"
        )]
        latency: Duration,
    },
    /// It did not answer within two seconds, or not at all.
    Unreachable,
}

/// What a check of the migrations found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum MigrationHealth {
    /// Nothing is pending.
    Current,
    /// These have not run.
    Pending {
        /// Their names.
        names: Vec<String>,
    },
    /// The check failed, or took longer than two seconds.
    Unknown {
        /// Why: `denied` asks for the right to read `seaql_migrations`, which a `migrate::Runner` gives.
        reason: UnknownReason,
    },
}

/// Why a check could not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UnknownReason {
    /// The role may not read the table of the migrations.
    Denied,
    /// No answer in time.
    Timeout,
    /// Anything else.
    Failed,
}

impl Health {
    /// Whether requests can be served: the primary answers, the program is not shutting down, and no
    /// migration is pending, where that was asked. Replicas do not count: the primary stands in.
    pub fn is_ready(&self) -> bool {
        let is_current = match &self.migrations {
            None | Some(MigrationHealth::Current) => true,
            Some(_) => false,
        };
        let is_reachable = matches!(self.primary, PrimaryHealth::Reachable { .. });
        is_reachable && is_current && !self.closing
    }

    pub(super) async fn of(cluster: &Cluster) -> Self {
        Health {
            primary: primary(cluster).await,
            pool: PoolStatistics::of(&cluster.primary),
            replicas: match &cluster.replicas {
                Some(replicas) => statistics::replicas(replicas),
                None => Vec::new(),
            },
            migrations: None,
            closing: cluster.live.is_closing(),
        }
    }
}

impl MigrationHealth {
    pub(super) async fn of(
        session: &Session,
        pending: impl AsyncFnOnce(&Session) -> Result<Vec<String>>,
    ) -> Self {
        let reason = match tokio::time::timeout(TIMEOUT, pending(session)).await {
            Ok(Ok(names)) if names.is_empty() => return MigrationHealth::Current,
            Ok(Ok(names)) => return MigrationHealth::Pending { names },
            Ok(Err(error)) => {
                tracing::warn!(%error, "cannot tell whether the migrations are current");
                match error.kind() {
                    ErrorKind::Denied => UnknownReason::Denied,
                    ErrorKind::PoolTimeout | ErrorKind::StatementTimeout => UnknownReason::Timeout,
                    _ => UnknownReason::Failed,
                }
            }
            Err(_) => UnknownReason::Timeout,
        };
        MigrationHealth::Unknown { reason }
    }
}

async fn primary(cluster: &Cluster) -> PrimaryHealth {
    let asked = Instant::now();
    let ping = async { cluster.primary.acquire().await?.ping().await };
    match tokio::time::timeout(TIMEOUT, ping).await {
        Ok(Ok(())) => PrimaryHealth::Reachable {
            latency: asked.elapsed(),
        },
        Ok(Err(error)) => {
            tracing::warn!(%error, "the primary does not answer");
            PrimaryHealth::Unreachable
        }
        Err(_) => {
            tracing::warn!("the primary did not answer in time");
            PrimaryHealth::Unreachable
        }
    }
}
