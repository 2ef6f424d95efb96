//! What the caches of a client did, each and together.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError, Weak};

use super::statistics::CacheStatistics;
use crate::telemetry::Counter;

/// What the caches of a program did in this process, from
/// [`CacheClient::statistics`](super::CacheClient::statistics).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheClientStatistics {
    /// Each cache, by its name.
    pub caches: BTreeMap<String, CacheStatistics>,
    /// Whether invalidations of other processes are heard.
    pub is_coherent: bool,
    /// Whether nothing is sent to Redis because it did not answer.
    pub is_held_back: bool,
    /// Messages of invalidations, own ones included.
    pub heard: u64,
    /// How often a message was missed, and what was kept for its tenant was given up.
    pub missed: u64,
    /// How often all that was kept was given up: at each connection, and when one was lost.
    pub distrusted: u64,
}

/// A cache, of whatever values.
pub trait Counted: Send + Sync {
    fn namespace(&self) -> &str;

    fn statistics(&self) -> CacheStatistics;
}

/// The counters of a client, and its caches.
#[derive(Default)]
pub struct ClientTally {
    pub heard: Counter,
    pub missed: Counter,
    pub distrusted: Counter,
    caches: Mutex<Vec<Weak<dyn Counted>>>,
}

impl ClientTally {
    /// Adds a cache, for as long as somebody has it.
    pub fn register(&self, cache: Weak<dyn Counted>) {
        let mut caches = self.caches.lock().unwrap_or_else(PoisonError::into_inner);
        caches.retain(|cache| cache.strong_count() > 0);
        caches.push(cache);
    }

    /// What each did; handles that were made apart for one name are one cache.
    pub fn caches(&self) -> BTreeMap<String, CacheStatistics> {
        let caches = self.caches.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = BTreeMap::<String, CacheStatistics>::new();
        for cache in caches.iter().filter_map(Weak::upgrade) {
            let sum = all.entry(cache.namespace().to_owned()).or_default();
            *sum = sum.and(&cache.statistics());
        }
        all
    }
}
