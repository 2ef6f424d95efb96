//! `Locks` in Redis.

use super::backend::InRedis;
use crate::config::RedisConfig;
use crate::error::Result;
use crate::lock::Locks;
use crate::lock::core::Core;
use crate::redis::RedisOptions;

impl Locks {
    /// Locks in Redis, for all processes that use it. It connects in the background, and never waits for Redis
    /// here.
    ///
    /// # Guarantees
    /// - Taking a lock and giving it back are one round trip each. An answer that is lost is asked for again by
    ///   the same token; a request that the server gets when its caller has gone takes nothing.
    /// - Fences grow also where Redis has lost everything, as they are not below its clock in microseconds.
    ///   That clock may be set back, or another server's be behind, as long as Redis remembers the last fence:
    ///   for seven days, and not across a loss of its data.
    /// - Of those who wait for a lock, one process at a time is woken when it is given back; in it, first come is
    ///   first served. Where the message is lost, they ask again: within a second.
    /// - One Redis does not agree with another: where a replica is made the primary, what it has not received is
    ///   lost, and two may hold a lock until the first one renews it. The fence tells them apart.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for a URL that cannot be used.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
    #[doc(alias = "RedisLock")]
    pub fn connect(config: &RedisConfig) -> Result<Self> {
        Self::connect_with(config, RedisOptions::default())
    }

    /// The same, with other timeouts, and where [`lock_replicas`](RedisOptions::lock_replicas) says so, with locks
    /// that are held only when so many replicas have received them. Renewals do not wait for them: a lock
    /// survives the loss of its primary where a replica that has it becomes the next one, and may then run out
    /// at the time of the last renewal that this one has received.
    ///
    /// An attempt lasts for two of [`timeout`](RedisOptions::timeout) at most
    /// before it is [`LockError::Unavailable`](crate::LockError::Unavailable); what it may have taken all the
    /// same is given back after a third.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
    pub fn connect_with(config: &RedisConfig, options: RedisOptions) -> Result<Self> {
        Ok(Locks::of(Core::new(InRedis::connect(config, options)?)))
    }
}
