//! `CacheOptions`: for how long and how a cache keeps its values.

use std::time::Duration;

use super::codec::Codec;
use super::envelope::Limits;
use super::far::LeaseTimes;
use super::near::Life;
use crate::error::{Error, Result};

/// Ten years: what is kept for longer is no cache.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The settings of a cache.
///
/// | setting | default |
/// |---|---|
/// | [`new`](Self::new): time to live | required |
/// | [`jitter`](Self::jitter) | 10 % |
/// | [`nothing_ttl`](Self::nothing_ttl) | 30 s, or the time to live where that is shorter |
/// | [`stale`](Self::stale) | none |
/// | [`soft_timeout`](Self::soft_timeout) | 100 ms |
/// | [`hard_timeout`](Self::hard_timeout) | 30 s |
/// | [`eager`](Self::eager), [`cluster_wide`](Self::cluster_wide) | off |
/// | [`prefixes`](Self::prefixes) | 0 |
/// | [`patterns`](Self::patterns) | off |
/// | [`near_ttl`](Self::near_ttl) | 30 s, or the time to live where that is shorter |
/// | [`near_entries`](Self::near_entries), [`near_bytes`](Self::near_bytes) | 10,000 and 64 MiB |
/// | [`codec`](Self::codec) | MessagePack with the names of fields |
/// | [`schema`](Self::schema) | 0 |
/// | [`compress_from`](Self::compress_from) | 2 KiB |
/// | [`max_bytes`](Self::max_bytes) | 4 MiB |
///
/// Times are rounded down to milliseconds. What is below one, or above ten years, is refused when the cache
/// is made.
#[derive(Debug, Clone)]
pub struct CacheOptions {
    pub(super) ttl: Duration,
    pub(super) jitter: f64,
    pub(super) nothing_ttl: Duration,
    pub(super) stale: Duration,
    pub(super) soft_timeout: Duration,
    pub(super) hard_timeout: Duration,
    pub(super) eager: f64,
    pub(super) cluster_wide: bool,
    pub(super) prefixes: usize,
    pub(super) patterns: bool,
    pub(super) near_ttl: Duration,
    pub(super) near_entries: u64,
    pub(super) near_bytes: u64,
    pub(super) codec: Codec,
    pub(super) schema: u32,
    pub(super) limits: Limits,
}

impl CacheOptions {
    /// Keeps values for so long.
    pub fn new(ttl: Duration) -> Self {
        let thirty_seconds = Duration::from_secs(30);
        CacheOptions {
            ttl,
            jitter: 0.1,
            nothing_ttl: ttl.min(thirty_seconds),
            stale: Duration::ZERO,
            soft_timeout: Duration::from_millis(100),
            hard_timeout: thirty_seconds,
            eager: 0.0,
            cluster_wide: false,
            prefixes: 0,
            patterns: false,
            near_ttl: ttl.min(thirty_seconds),
            near_entries: 10_000,
            near_bytes: 64 << 20,
            codec: Codec::default(),
            schema: 0,
            limits: Limits {
                compress_from: 2 << 10,
                max_len: 4 << 20,
            },
        }
    }

    /// Shortens each time to live by a random part of up to this share, so that entries that were made
    /// together do not end together. From 0 to 0.9.
    pub fn jitter(self, jitter: f64) -> Self {
        CacheOptions { jitter, ..self }
    }

    /// Keeps it that there is no value for so long.
    pub fn nothing_ttl(self, nothing_ttl: Duration) -> Self {
        CacheOptions {
            nothing_ttl,
            ..self
        }
    }

    /// Keeps values for so long after their time to live, for the case that the source is slow or fails.
    /// What was invalidated is never used.
    pub fn stale(self, stale: Duration) -> Self {
        CacheOptions { stale, ..self }
    }

    /// Answers with a stale value, where there is one, when a load takes longer. The load goes on.
    pub fn soft_timeout(self, soft_timeout: Duration) -> Self {
        CacheOptions {
            soft_timeout,
            ..self
        }
    }

    /// Gives up a load that takes longer.
    pub fn hard_timeout(self, hard_timeout: Duration) -> Self {
        CacheOptions {
            hard_timeout,
            ..self
        }
    }

    /// Loads a value again in the background when it is asked for in this last share of its time to live.
    /// From 0 to 0.9.
    pub fn eager(self, eager: f64) -> Self {
        CacheOptions { eager, ..self }
    }

    /// Lets one process at a time load a value, while the others wait for it. Where that process dies, the
    /// next one loads after the hard timeout.
    pub fn cluster_wide(self) -> Self {
        CacheOptions {
            cluster_wide: true,
            ..self
        }
    }

    /// Lets entries be invalidated by the first components of their keys, up to so many:
    /// [`invalidate_prefix`](super::SmartCache::invalidate_prefix). Each is one more tag of every entry.
    pub fn prefixes(self, prefixes: usize) -> Self {
        CacheOptions { prefixes, ..self }
    }

    /// Lets entries be invalidated by patterns of their keys:
    /// [`invalidate_matching`](super::SmartCache::invalidate_matching). It is one more token of every entry.
    /// Entries that were stored without it are not reached by patterns.
    pub fn patterns(self) -> Self {
        CacheOptions {
            patterns: true,
            ..self
        }
    }

    /// Keeps values in the process for so long at most: the bound of how long another process's
    /// invalidation may go unseen, whatever is lost on the way and whether Redis answers or not. Without
    /// Redis there are no other processes, and values live for their time to live.
    pub fn near_ttl(self, near_ttl: Duration) -> Self {
        CacheOptions { near_ttl, ..self }
    }

    /// How many entries the process keeps.
    pub fn near_entries(self, near_entries: u64) -> Self {
        CacheOptions {
            near_entries,
            ..self
        }
    }

    /// How many bytes the entries of the process have, as they are encoded.
    pub fn near_bytes(self, near_bytes: u64) -> Self {
        CacheOptions { near_bytes, ..self }
    }

    /// The format of values in Redis.
    pub fn codec(self, codec: Codec) -> Self {
        CacheOptions { codec, ..self }
    }

    /// The version of the type, for changes that its name and its fields do not show.
    pub fn schema(self, schema: u32) -> Self {
        CacheOptions { schema, ..self }
    }

    /// Compresses values of so many bytes and more (LZ4).
    pub fn compress_from(mut self, bytes: usize) -> Self {
        self.limits.compress_from = bytes;
        self
    }

    /// Does not store values of more bytes, and does not read them.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.limits.max_len = bytes;
        self
    }

    /// Refuses what cannot be used.
    pub(super) fn check(self) -> Result<Self> {
        checked("ttl", self.ttl)?;
        checked("nothing_ttl", self.nothing_ttl)?;
        checked("near_ttl", self.near_ttl)?;
        checked("hard_timeout", self.hard_timeout)?;
        checked("soft_timeout", self.soft_timeout)?;
        if !self.stale.is_zero() {
            checked("stale", self.stale)?;
        }
        for (setting, share) in [("jitter", self.jitter), ("eager", self.eager)] {
            if !(0.0..=0.9).contains(&share) {
                return Err(refused(setting, "must be from 0 to 0.9"));
            }
        }
        if u32::try_from(self.limits.max_len).is_err() {
            return Err(refused("max_bytes", "must be below 4 GiB"));
        }
        Ok(self)
    }

    /// For a cache that has no values but those of the process.
    pub(super) fn of_one_level(self) -> Self {
        CacheOptions {
            near_ttl: LONGEST,
            ..self
        }
    }

    /// For how long a load and what it stores may live.
    pub(super) fn lease_times(&self) -> LeaseTimes {
        LeaseTimes {
            lease: self.hard_timeout,
            lifetime: self.ttl.saturating_add(self.stale),
            refresh: self.stale.saturating_add(self.ttl.mul_f64(self.eager)),
        }
    }

    /// A time to live that is a little shorter at random.
    pub(super) fn jittered(&self, ttl: Duration) -> Duration {
        let share = fastrand::f64() * self.jitter;
        ttl.mul_f64(1.0 - share).max(Duration::from_millis(1))
    }

    /// How long an entry of this process is used.
    pub(super) fn near_life(&self, left: Duration, stale: Duration) -> Life {
        let fresh = left.saturating_sub(stale).min(self.near_ttl);
        // What is stale elsewhere already is stale here.
        Life {
            fresh,
            stale: stale.min(left),
        }
    }
}

/// A time that can be told to Redis.
pub(super) fn checked(setting: &'static str, time: Duration) -> Result<Duration> {
    if time < Duration::from_millis(1) {
        return Err(refused(setting, "must be a millisecond at least"));
    }
    if time > LONGEST {
        return Err(refused(setting, "must be ten years at most"));
    }
    Ok(time)
}

fn refused(variable: &'static str, reason: &str) -> Error {
    Error::Config {
        variable,
        reason: reason.to_owned(),
    }
}
