//! Gives the statistics of caches to the recorder of the `metrics` facade.
//!
//! Caches count in atomics of their own, so that a program without a recorder pays nothing here.

use metrics::{counter, gauge};

use super::client_statistics::CacheClientStatistics;
use super::statistics::CacheStatistics;
use crate::telemetry::{
    CACHE_COHERENT, CACHE_COUNT, CACHE_EVENTS, CACHE_HELD_BACK, CACHE_LOAD_MICROSECONDS,
    CACHE_LOADS, CACHE_MESSAGES, CACHE_NEAR_BYTES, CACHE_NEAR_ENTRIES,
};

/// Records everything.
pub fn record(statistics: &CacheClientStatistics) {
    gauge!(CACHE_COHERENT).set(u32::from(statistics.is_coherent));
    gauge!(CACHE_HELD_BACK).set(u32::from(statistics.is_held_back));
    for (event, count) in [
        ("heard", statistics.heard),
        ("missed", statistics.missed),
        ("distrusted", statistics.distrusted),
    ] {
        counter!(CACHE_MESSAGES, "event" => event).absolute(count);
    }
    for (cache, statistics) in &statistics.caches {
        record_cache(cache, statistics);
    }
}

fn record_cache(cache: &str, statistics: &CacheStatistics) {
    let name = || cache.to_owned();
    for (outcome, count) in [
        ("near_hit", statistics.near_hits),
        ("far_hit", statistics.far_hits),
        ("miss", statistics.misses),
    ] {
        counter!(CACHE_COUNT, "cache" => name(), "outcome" => outcome).absolute(count);
    }
    for (outcome, count) in [
        ("loaded", statistics.loads),
        ("failed", statistics.failed_loads),
    ] {
        counter!(CACHE_LOADS, "cache" => name(), "outcome" => outcome).absolute(count);
    }
    let micros = u64::try_from(statistics.load_time.as_micros()).unwrap_or(u64::MAX);
    counter!(CACHE_LOAD_MICROSECONDS, "cache" => name()).absolute(micros);
    for (event, count) in [
        ("coalesced", statistics.coalesced),
        ("stale", statistics.stale),
        ("overtaken", statistics.overtaken),
        ("unreadable", statistics.unreadable),
        ("unfit", statistics.unfit),
        ("fault", statistics.faults),
        ("evicted", statistics.evicted),
    ] {
        counter!(CACHE_EVENTS, "cache" => name(), "event" => event).absolute(count);
    }
    gauge!(CACHE_NEAR_ENTRIES, "cache" => name()).set(float(statistics.near_entries));
    gauge!(CACHE_NEAR_BYTES, "cache" => name()).set(float(statistics.near_bytes));
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn float(count: u64) -> f64 {
    count as f64
}
