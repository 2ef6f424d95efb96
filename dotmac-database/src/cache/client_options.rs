//! `CacheClientOptions`: how the caches of a program use Redis.

use std::time::Duration;

use super::far::Shards;
use super::options::checked;
use crate::context::TenantId;
use crate::error::{Error, Result};
use crate::redis::RedisOptions;

/// The settings of a [`CacheClient`](super::CacheClient); [`RedisOptions`] are converted into them.
///
/// | setting | default |
/// |---|---|
/// | [`redis`](Self::redis) | those of [`RedisOptions`] |
/// | [`poll`](Self::poll) | 5 s |
/// | [`shards`](Self::shards), [`shards_of`](Self::shards_of) | 1 |
#[derive(Debug, Clone)]
pub struct CacheClientOptions {
    pub(super) redis: RedisOptions,
    pub(super) poll: Duration,
    pub(super) shards: Shards,
}

impl Default for CacheClientOptions {
    fn default() -> Self {
        CacheClientOptions {
            redis: RedisOptions::default(),
            poll: Duration::from_secs(5),
            shards: Shards::default(),
        }
    }
}

impl CacheClientOptions {
    /// Timeouts, and the breaker.
    pub fn redis(self, redis: RedisOptions) -> Self {
        CacheClientOptions { redis, ..self }
    }

    /// How often Redis is asked whether a message of another process was missed: one small command for
    /// each tenant (and shard) that has values in this process. It is the bound of how long an old value
    /// may be used after a message was lost, while Redis answers.
    pub fn poll(self, poll: Duration) -> Self {
        CacheClientOptions { poll, ..self }
    }

    /// Spreads the entries of every tenant over so many slots of a cluster; 1 to 1,024.
    ///
    /// A key is in one of them, so that single reads and writes cost the same. What concerns more than a
    /// key costs more: to invalidate a tag, a prefix, a cache or a tenant is one step in each slot, all at
    /// once but not as one; and each has tokens of its own. All processes must say the same: entries are
    /// not found under another number, and invalidations do not reach them. To change it, let the entries
    /// of the old number end first, or change the names of the caches with it.
    pub fn shards(mut self, shards: u16) -> Self {
        self.shards.set_usual(shards);
        self
    }

    /// The same for one tenant that is too large for a slot.
    pub fn shards_of(mut self, tenant: TenantId, shards: u16) -> Self {
        self.shards.set_large(tenant, shards);
        self
    }

    pub(super) fn check(self) -> Result<Self> {
        checked("poll", self.poll)?;
        if !self.shards.are_within(1_024) {
            return Err(Error::Config {
                variable: "shards",
                reason: "must be from 1 to 1,024".to_owned(),
            });
        }
        Ok(self)
    }
}

impl From<RedisOptions> for CacheClientOptions {
    fn from(redis: RedisOptions) -> Self {
        CacheClientOptions::default().redis(redis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_shards_too_many_and_no_poll_are_refused() {
        let options = CacheClientOptions::default;
        let tenant = TenantId::parse("big").expect("valid");
        for refused in [
            options().shards(0),
            options().shards(1_025),
            options().shards_of(tenant, 0),
            options().poll(Duration::ZERO),
        ] {
            assert!(refused.check().is_err());
        }
        assert!(options().shards(1_024).check().is_ok());
    }
}
