//! `Database::statistics`: what the sessions of this process did so far, and what its pools hold now.

use std::time::Duration;

use serde::Serialize;

use super::cluster::Cluster;
use super::pool::Pool;
use super::replica::{ReplicaState, Replicas};
use super::tally::Outcome;

/// Counters since the connect, and gauges of this moment; of this process only.
///
/// The numbers are read one after the other, while sessions go on: sums may be off by those.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Statistics {
    /// Sessions, by how they ended.
    pub sessions: SessionStatistics,
    /// Read sessions, by where they ran.
    pub reads: ReadStatistics,
    /// How sessions waited for a connection.
    pub acquire: AcquireStatistics,
    /// The connections to the primary.
    pub pool: PoolStatistics,
    /// The replicas, in the order of the configuration.
    pub replicas: Vec<ReplicaStatistics>,
}

/// Sessions that ran at least one statement, by how they ended; nested ones are not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SessionStatistics {
    /// All that asked for a connection.
    pub opened: u64,
    /// Those that have not ended, and rollbacks that go on in the background.
    pub open: u64,
    /// Ended well, read sessions too.
    pub committed: u64,
    /// Ended without a commit, or with one that failed.
    pub rolled_back: u64,
    /// Whose connection broke during COMMIT.
    pub unknown: u64,
}

/// Read sessions on the primary; those on replicas are with the replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ReadStatistics {
    /// All on the primary.
    pub primary: u64,
    /// Those of them that no replica was fit for.
    pub fallbacks: u64,
}

/// How sessions waited for a connection, of any pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AcquireStatistics {
    /// How often one was taken.
    pub count: u64,
    /// How long all of these waited together; serialized as seconds.
    #[serde(rename = "wait_seconds", serialize_with = "seconds")]
    pub wait: Duration,
}

/// The connections of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PoolStatistics {
    /// Open ones, idle or in use.
    pub open: u32,
    /// Open ones that nobody uses.
    pub idle: u32,
    /// Open ones in use.
    pub in_use: u32,
    /// The most that the pool opens.
    pub max: u32,
}

/// One replica.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ReplicaStatistics {
    /// Host, port and database.
    pub name: String,
    /// Whether read sessions go there.
    pub state: ReplicaState,
    /// How old the state is that it shows, with the time since the last probe; serialized as seconds.
    #[serde(rename = "lag_seconds", serialize_with = "optional_seconds")]
    pub lag: Option<Duration>,
    /// Read sessions that began there.
    pub reads: u64,
    /// How often it was lost.
    pub losses: u64,
    /// The connections to it.
    pub pool: PoolStatistics,
}

impl Statistics {
    pub(super) fn of(cluster: &Cluster) -> Self {
        let tally = &cluster.tally;
        Statistics {
            sessions: SessionStatistics {
                opened: tally.opened_count(),
                open: cluster.live.len(),
                committed: tally.ended_count(Outcome::Committed),
                rolled_back: tally.ended_count(Outcome::RolledBack),
                unknown: tally.ended_count(Outcome::Unknown),
            },
            reads: ReadStatistics {
                primary: tally.primary_reads(),
                fallbacks: tally.fallbacks(),
            },
            acquire: AcquireStatistics {
                count: tally.acquired_count(),
                wait: tally.acquire_wait(),
            },
            pool: PoolStatistics::of(&cluster.primary),
            replicas: cluster.replicas.as_ref().map_or_else(Vec::new, replicas),
        }
    }
}

impl PoolStatistics {
    pub(super) fn of(pool: &Pool) -> Self {
        let (open, idle) = pool.size();
        PoolStatistics {
            open,
            idle,
            in_use: open - idle,
            max: pool.max(),
        }
    }
}

pub(super) fn replicas(replicas: &Replicas) -> Vec<ReplicaStatistics> {
    let nodes = replicas.nodes().iter();
    nodes
        .map(|replica| ReplicaStatistics {
            name: replica.name().to_owned(),
            state: replicas.state(replica),
            lag: replicas.lag(replica),
            reads: replica.reads.value(),
            losses: replica.losses.value(),
            pool: PoolStatistics::of(&replica.pool),
        })
        .collect()
}

pub(super) fn seconds<S: serde::Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

pub(super) fn optional_seconds<S: serde::Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => seconds(duration, serializer),
        None => serializer.serialize_none(),
    }
}
