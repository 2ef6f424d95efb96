//! What the caches do, for those who operate the application.

use std::collections::BTreeMap;

use dotmac_database::cache::CacheStatistics;
use serde::Serialize;
use utoipa::ToSchema;

use super::Shop;

/// All caches of this process.
#[derive(Debug, Serialize, ToSchema)]
pub struct CacheReport {
    /// Whether invalidations of other processes are heard.
    pub coherent: bool,
    /// Whether nothing is sent to Redis because it did not answer.
    pub held_back: bool,
    /// How often a message of another process was missed.
    pub missed_messages: u64,
    /// Each cache, by its name.
    pub caches: BTreeMap<String, CacheFigures>,
}

/// One cache.
#[derive(Debug, Serialize, ToSchema)]
pub struct CacheFigures {
    /// Found in the process.
    pub near_hits: u64,
    /// Found in Redis.
    pub far_hits: u64,
    /// Found in neither.
    pub misses: u64,
    /// Hits among all calls, 0 to 1.
    pub hit_rate: f64,
    /// Loads that ended with an answer.
    pub loads: u64,
    /// Loads that failed.
    pub failed_loads: u64,
    /// How long a load took on average.
    pub average_load_ms: f64,
    /// Commands that Redis did not answer, or refused.
    pub faults: u64,
    /// Values in the process.
    pub near_entries: u64,
    /// What they weigh.
    pub near_bytes: u64,
}

impl Shop {
    /// What the caches did in this process.
    pub fn cache_report(&self) -> CacheReport {
        let statistics = self.cache.statistics();
        let caches = statistics.caches.into_iter();
        CacheReport {
            coherent: statistics.is_coherent,
            held_back: statistics.is_held_back,
            missed_messages: statistics.missed,
            caches: caches
                .map(|(name, it)| (name, CacheFigures::of(&it)))
                .collect(),
        }
    }
}

impl CacheFigures {
    fn of(statistics: &CacheStatistics) -> Self {
        CacheFigures {
            near_hits: statistics.near_hits,
            far_hits: statistics.far_hits,
            misses: statistics.misses,
            hit_rate: statistics.hit_rate(),
            loads: statistics.loads,
            failed_loads: statistics.failed_loads,
            average_load_ms: statistics.average_load().as_secs_f64() * 1_000.0,
            faults: statistics.faults,
            near_entries: statistics.near_entries,
            near_bytes: statistics.near_bytes,
        }
    }
}
