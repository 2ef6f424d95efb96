//! `CacheMode`: switches a cache while the program runs.

use std::sync::atomic::{AtomicU8, Ordering};

/// What the caches of a client do. In every mode, invalidations are sent, so that nothing stale is found
/// when a cache is switched on again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum CacheMode {
    /// Both levels are read and filled.
    #[default]
    On,
    /// Only values of this process are read and filled.
    NearOnly,
    /// Nothing is read or filled; calls for one key still share a load.
    Bypass,
    /// Nothing is read or filled; each call loads for itself.
    Off,
}

/// The mode of a client.
#[derive(Default)]
pub struct Switch(AtomicU8);

impl Switch {
    pub fn set(&self, mode: CacheMode) {
        let number = match mode {
            CacheMode::On => 0,
            CacheMode::NearOnly => 1,
            CacheMode::Bypass => 2,
            CacheMode::Off => 3,
        };
        self.0.store(number, Ordering::Release);
    }

    pub fn mode(&self) -> CacheMode {
        match self.0.load(Ordering::Acquire) {
            0 => CacheMode::On,
            1 => CacheMode::NearOnly,
            2 => CacheMode::Bypass,
            _ => CacheMode::Off,
        }
    }
}

impl CacheMode {
    pub(super) fn uses_near(self) -> bool {
        matches!(self, CacheMode::On | CacheMode::NearOnly)
    }

    pub(super) fn uses_far(self) -> bool {
        self == CacheMode::On
    }
}
