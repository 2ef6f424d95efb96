//! `Counter`: a number that only grows, counted without a lock.

use std::sync::atomic::{AtomicU64, Ordering};

/// A count of what happened since the program began, or since it was reset.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Begins anew.
    #[cfg(feature = "cache")]
    pub fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}
