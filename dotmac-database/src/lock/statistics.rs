//! `Locks::statistics`: what was asked of locks in this process, counted without a lock.

use std::time::Duration;

use metrics::{counter, gauge};
use serde::Serialize;

use super::guard::LockGuard;
use super::locks::Locks;
use crate::error::Result;
use crate::telemetry::{
    Counter, LOCK_CONTENDED, LOCK_COUNT, LOCK_ENDED, LOCK_HELD, LOCK_HOLD_MICROSECONDS,
    LOCK_WAIT_MICROSECONDS,
};

/// What was asked of the locks of one keeper in this process since it was made, over all tenants.
///
/// The numbers are read one after the other, while others go on: sums may be off by those.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct LockStatistics {
    /// Asks that took the lock.
    pub acquired: u64,
    /// Asks that found the lock to be another's, whether they got it in the end or not.
    pub contended: u64,
    /// Asks for a lock that was another's for as long as they were ready to wait: not at all, with
    /// [`try_acquire`](super::Lock::try_acquire).
    pub timed_out: u64,
    /// Asks that ended with an error.
    pub failed: u64,
    /// How long all asks together waited; serialized as seconds.
    #[serde(rename = "wait_seconds", serialize_with = "seconds")]
    pub wait: Duration,
    /// Locks that are held now.
    pub held: u64,
    /// Locks that were held and ended well: given back, handed over, or left to run out.
    pub ended: u64,
    /// Locks that were lost.
    pub lost: u64,
    /// How long those together were held that have ended or were lost; serialized as seconds.
    #[serde(rename = "hold_seconds", serialize_with = "seconds")]
    pub hold: Duration,
}

impl Locks {
    /// What was asked of these locks in this process, and how many it holds now.
    pub fn statistics(&self) -> LockStatistics {
        self.0.tally.statistics()
    }

    /// Gives the [statistics](Self::statistics) to the recorder of the `metrics` facade, under the names in
    /// [`telemetry`](crate::telemetry). To be called whenever metrics are collected.
    pub fn record_metrics(&self) {
        let keeper = self.0.backend.keeper();
        let now = self.statistics();
        for (outcome, count) in [
            ("acquired", now.acquired),
            ("timed_out", now.timed_out),
            ("failed", now.failed),
        ] {
            counter!(LOCK_COUNT, "keeper" => keeper, "outcome" => outcome).absolute(count);
        }
        for (outcome, count) in [("ended", now.ended), ("lost", now.lost)] {
            counter!(LOCK_ENDED, "keeper" => keeper, "outcome" => outcome).absolute(count);
        }
        counter!(LOCK_CONTENDED, "keeper" => keeper).absolute(now.contended);
        counter!(LOCK_WAIT_MICROSECONDS, "keeper" => keeper).absolute(micros(now.wait));
        counter!(LOCK_HOLD_MICROSECONDS, "keeper" => keeper).absolute(micros(now.hold));
        gauge!(LOCK_HELD, "keeper" => keeper).set(float(now.held));
    }
}

/// The counters.
#[derive(Default)]
pub struct Tally {
    acquired: Counter,
    contended: Counter,
    timed_out: Counter,
    failed: Counter,
    wait_micros: Counter,
    /// Leases that began, those that another process handed over too.
    taken: Counter,
    ended: Counter,
    lost: Counter,
    hold_micros: Counter,
}

impl Tally {
    pub fn asked(&self, acquired: &Result<Option<LockGuard>>, waited: Duration) {
        let counter = match acquired {
            Ok(Some(_)) => &self.acquired,
            Ok(None) => &self.timed_out,
            Err(_) => &self.failed,
        };
        counter.add(1);
        self.wait_micros.add(micros(waited));
    }

    pub fn contended(&self) {
        self.contended.add(1);
    }

    pub fn taken(&self) {
        self.taken.add(1);
    }

    pub fn ended(&self, held: Duration) {
        self.ended.add(1);
        self.hold_micros.add(micros(held));
    }

    pub fn lost(&self, held: Duration) {
        self.lost.add(1);
        self.hold_micros.add(micros(held));
    }

    fn statistics(&self) -> LockStatistics {
        // What has ended is read first, so that no more have ended than were taken.
        let (ended, lost) = (self.ended.value(), self.lost.value());
        LockStatistics {
            acquired: self.acquired.value(),
            contended: self.contended.value(),
            timed_out: self.timed_out.value(),
            failed: self.failed.value(),
            wait: Duration::from_micros(self.wait_micros.value()),
            held: self.taken.value().saturating_sub(ended + lost),
            ended,
            lost,
            hold: Duration::from_micros(self.hold_micros.value()),
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn float(count: u64) -> f64 {
    count as f64
}

fn seconds<S: serde::Serializer>(
    duration: &Duration,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}
