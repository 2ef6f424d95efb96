//! What a cache did, counted without a lock.

use std::time::Duration;

use crate::telemetry::Counter;

/// What a cache did in this process since it was made, or since it was
/// [`reset`](super::SmartCache::reset_statistics).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CacheStatistics {
    /// Values, or the knowledge that there is none, found in the process.
    pub near_hits: u64,
    /// The same, found in Redis.
    pub far_hits: u64,
    /// Calls that found neither.
    pub misses: u64,
    /// Loads that ended with an answer.
    pub loads: u64,
    /// Loads that ended with an error, a panic or the hard timeout.
    pub failed_loads: u64,
    /// How long loads took, in all.
    pub load_time: Duration,
    /// Calls that waited for another one's load.
    pub coalesced: u64,
    /// Calls that got a stale value.
    pub stale: u64,
    /// Values that were loaded and not stored, because something was invalidated meanwhile.
    pub overtaken: u64,
    /// Values in Redis that could not be read.
    pub unreadable: u64,
    /// Values that were not stored, because of their size or because they cannot be encoded.
    pub unfit: u64,
    /// Commands that Redis did not answer, or refused.
    pub faults: u64,
    /// Entries of the process that had to make room.
    pub evicted: u64,
    /// Entries of the process now.
    pub near_entries: u64,
    /// What they weigh.
    pub near_bytes: u64,
}

impl CacheStatistics {
    /// What two caches of one name did together.
    pub(super) fn and(&self, other: &Self) -> Self {
        CacheStatistics {
            near_hits: self.near_hits + other.near_hits,
            far_hits: self.far_hits + other.far_hits,
            misses: self.misses + other.misses,
            loads: self.loads + other.loads,
            failed_loads: self.failed_loads + other.failed_loads,
            load_time: self.load_time + other.load_time,
            coalesced: self.coalesced + other.coalesced,
            stale: self.stale + other.stale,
            overtaken: self.overtaken + other.overtaken,
            unreadable: self.unreadable + other.unreadable,
            unfit: self.unfit + other.unfit,
            faults: self.faults + other.faults,
            evicted: self.evicted + other.evicted,
            near_entries: self.near_entries + other.near_entries,
            near_bytes: self.near_bytes + other.near_bytes,
        }
    }

    /// Hits of both levels.
    pub fn hits(&self) -> u64 {
        self.near_hits + self.far_hits
    }

    /// Hits among all calls; 0 where there was none.
    #[expect(clippy::cast_precision_loss, reason = "a share is a float")]
    pub fn hit_rate(&self) -> f64 {
        match self.hits() + self.misses {
            0 => 0.0,
            calls => self.hits() as f64 / calls as f64,
        }
    }

    /// How long a load took on average.
    pub fn average_load(&self) -> Duration {
        match u32::try_from(self.loads + self.failed_loads) {
            Ok(0) | Err(_) => Duration::ZERO,
            Ok(loads) => self.load_time / loads,
        }
    }
}

/// The counters.
#[derive(Default)]
pub struct Tally {
    pub near_hits: Counter,
    pub far_hits: Counter,
    pub misses: Counter,
    pub loads: Counter,
    pub failed_loads: Counter,
    pub load_micros: Counter,
    pub coalesced: Counter,
    pub stale: Counter,
    pub overtaken: Counter,
    pub unreadable: Counter,
    pub unfit: Counter,
    pub faults: Counter,
    pub evicted: Counter,
}

/// How a call that was not answered at once ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Near,
    Far,
    Miss,
    StaleNear,
    StaleFar,
}

impl Answer {
    fn name(self) -> &'static str {
        match self {
            Answer::Near => "near_hit",
            Answer::Far => "far_hit",
            Answer::Miss => "miss",
            Answer::StaleNear | Answer::StaleFar => "stale",
        }
    }
}

impl Tally {
    /// Counts the end of a call, and tells its span.
    pub fn answer(&self, answer: Answer) {
        match answer {
            Answer::Near | Answer::StaleNear => self.near_hits.add(1),
            Answer::Far | Answer::StaleFar => self.far_hits.add(1),
            Answer::Miss => self.misses.add(1),
        }
        if matches!(answer, Answer::StaleNear | Answer::StaleFar) {
            self.stale.add(1);
        }
        tracing::Span::current().record("cache.outcome", answer.name());
    }

    pub fn statistics(&self, near: (u64, u64)) -> CacheStatistics {
        CacheStatistics {
            near_hits: self.near_hits.value(),
            far_hits: self.far_hits.value(),
            misses: self.misses.value(),
            loads: self.loads.value(),
            failed_loads: self.failed_loads.value(),
            load_time: Duration::from_micros(self.load_micros.value()),
            coalesced: self.coalesced.value(),
            stale: self.stale.value(),
            overtaken: self.overtaken.value(),
            unreadable: self.unreadable.value(),
            unfit: self.unfit.value(),
            faults: self.faults.value(),
            evicted: self.evicted.value(),
            near_entries: near.0,
            near_bytes: near.1,
        }
    }

    pub fn reset(&self) {
        for counter in [
            &self.near_hits,
            &self.far_hits,
            &self.misses,
            &self.loads,
            &self.failed_loads,
            &self.load_micros,
            &self.coalesced,
            &self.stale,
            &self.overtaken,
            &self.unreadable,
            &self.unfit,
            &self.faults,
            &self.evicted,
        ] {
            counter.reset();
        }
    }
}
