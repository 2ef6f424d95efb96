//! `DatabasesStatistics`: what became of the databases.

use std::sync::atomic::{AtomicU64, Ordering};

use metrics::{counter, gauge};
use serde::Serialize;

use crate::telemetry::{DATABASES_COUNT, DATABASES_OPEN};

/// Gauges of this moment, and counters since the start; of this process only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DatabasesStatistics {
    /// Those that are being connected.
    pub connecting: usize,
    /// Open ones that nobody uses.
    pub idle: usize,
    /// Open ones with a handle or a session.
    pub in_use: usize,
    /// The most that are open at a time.
    pub max: usize,
    /// How often one was connected.
    pub connected: u64,
    /// How often that failed.
    pub failed: u64,
    /// How often one that nobody used was closed because its place was needed.
    pub evicted: u64,
    /// How often one was closed because nobody had used it for long.
    pub expired: u64,
    /// How often somebody had to wait for a place.
    pub waited: u64,
    /// How often somebody waited in vain.
    pub gave_up: u64,
}

/// The counters.
#[derive(Default)]
pub struct Tally {
    pub connected: Count,
    pub failed: Count,
    pub evicted: Count,
    pub expired: Count,
    pub waited: Count,
    pub gave_up: Count,
}

/// A number that only grows.
#[derive(Default)]
pub struct Count(AtomicU64);

impl Count {
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl DatabasesStatistics {
    pub(super) fn of([connecting, idle, in_use]: [usize; 3], max: usize, tally: &Tally) -> Self {
        DatabasesStatistics {
            connecting,
            idle,
            in_use,
            max,
            connected: tally.connected.value(),
            failed: tally.failed.value(),
            evicted: tally.evicted.value(),
            expired: tally.expired.value(),
            waited: tally.waited.value(),
            gave_up: tally.gave_up.value(),
        }
    }

    /// Gives them to the recorder of the `metrics` facade.
    pub(super) fn record(&self) {
        for (state, count) in [
            ("connecting", self.connecting),
            ("idle", self.idle),
            ("in_use", self.in_use),
            ("max", self.max),
        ] {
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            gauge!(DATABASES_OPEN, "state" => state).set(count);
        }
        for (event, count) in [
            ("connected", self.connected),
            ("failed", self.failed),
            ("evicted", self.evicted),
            ("expired", self.expired),
            ("waited", self.waited),
            ("gave_up", self.gave_up),
        ] {
            counter!(DATABASES_COUNT, "event" => event).absolute(count);
        }
    }
}
