//! What the sessions of one process did, counted without a lock.

use std::time::Duration;

use crate::telemetry::Counter;

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Committed,
    RolledBack,
    /// The connection broke during COMMIT.
    Unknown,
}

/// The counters; they only grow.
#[derive(Default)]
pub struct Tally {
    opened: Counter,
    committed: Counter,
    rolled_back: Counter,
    unknown: Counter,
    primary_reads: Counter,
    fallbacks: Counter,
    acquired: Counter,
    acquire_micros: Counter,
}

impl Tally {
    pub fn opened(&self) {
        self.opened.add(1);
    }

    pub fn ended(&self, outcome: Outcome) {
        match outcome {
            Outcome::Committed => self.committed.add(1),
            Outcome::RolledBack => self.rolled_back.add(1),
            Outcome::Unknown => self.unknown.add(1),
        }
    }

    /// A read session began on the primary, by its wish or because no replica was fit.
    pub fn primary_read(&self, is_fallback: bool) {
        self.primary_reads.add(1);
        if is_fallback {
            self.fallbacks.add(1);
        }
    }

    /// A connection came after this wait.
    pub fn acquired(&self, waited: Duration) {
        self.acquired.add(1);
        let micros = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        self.acquire_micros.add(micros);
    }

    pub fn opened_count(&self) -> u64 {
        self.opened.value()
    }

    pub fn ended_count(&self, outcome: Outcome) -> u64 {
        match outcome {
            Outcome::Committed => self.committed.value(),
            Outcome::RolledBack => self.rolled_back.value(),
            Outcome::Unknown => self.unknown.value(),
        }
    }

    pub fn primary_reads(&self) -> u64 {
        self.primary_reads.value()
    }

    pub fn fallbacks(&self) -> u64 {
        self.fallbacks.value()
    }

    pub fn acquired_count(&self) -> u64 {
        self.acquired.value()
    }

    pub fn acquire_wait(&self) -> Duration {
        Duration::from_micros(self.acquire_micros.value())
    }
}
