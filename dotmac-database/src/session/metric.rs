//! Gives the statistics to the recorder of the `metrics` facade.
//!
//! Sessions count in atomics of their own, so that a program without a recorder pays nothing here.

use metrics::{counter, gauge};

use super::replica::ReplicaState;
use super::statistics::{PoolStatistics, Statistics};
use crate::telemetry::{
    ACQUIRE_COUNT, ACQUIRE_MICROSECONDS, POOL_CONNECTIONS, READ_COUNT, READ_FALLBACKS, REPLICA_FIT,
    REPLICA_LOSSES, REPLICA_SECONDS, SESSION_COUNT, SESSION_OPEN,
};

const PRIMARY: &str = "primary";

/// Records everything, under the name of the database.
pub fn record(database: &str, statistics: &Statistics) {
    let name = || database.to_owned();
    let sessions = statistics.sessions;
    gauge!(SESSION_OPEN, "database" => name()).set(float(sessions.open));
    for (outcome, count) in [
        ("committed", sessions.committed),
        ("rolled_back", sessions.rolled_back),
        ("unknown", sessions.unknown),
    ] {
        counter!(SESSION_COUNT, "database" => name(), "outcome" => outcome).absolute(count);
    }
    let acquire = statistics.acquire;
    let waited = u64::try_from(acquire.wait.as_micros()).unwrap_or(u64::MAX);
    counter!(ACQUIRE_COUNT, "database" => name()).absolute(acquire.count);
    counter!(ACQUIRE_MICROSECONDS, "database" => name()).absolute(waited);
    let reads = statistics.reads;
    counter!(READ_COUNT, "database" => name(), "target" => PRIMARY).absolute(reads.primary);
    counter!(READ_FALLBACKS, "database" => name()).absolute(reads.fallbacks);
    pool(database, PRIMARY, statistics.pool);
    for replica in &statistics.replicas {
        let target = || replica.name.clone();
        pool(database, &replica.name, replica.pool);
        counter!(READ_COUNT, "database" => name(), "target" => target()).absolute(replica.reads);
        counter!(REPLICA_LOSSES, "database" => name(), "target" => target())
            .absolute(replica.losses);
        let fit = u32::from(replica.state == ReplicaState::Fit);
        gauge!(REPLICA_FIT, "database" => name(), "target" => target()).set(fit);
        if let Some(lag) = replica.lag {
            gauge!(REPLICA_SECONDS, "database" => name(), "target" => target())
                .set(lag.as_secs_f64());
        }
    }
}

fn pool(database: &str, target: &str, pool: PoolStatistics) {
    for (state, count) in [
        ("open", pool.open),
        ("idle", pool.idle),
        ("in_use", pool.in_use),
        ("max", pool.max),
    ] {
        gauge!(
            POOL_CONNECTIONS,
            "database" => database.to_owned(), "target" => target.to_owned(), "state" => state
        )
        .set(count);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn float(count: u64) -> f64 {
    count as f64
}
