//! The names of all metrics, in one table.
//!
//! [`Database::record_metrics`](crate::Database::record_metrics) gives them to the recorder of the
//! `metrics` facade. Each carries the label `database`, the name of the database.
//!
//! | name | kind | labels | what |
//! |---|---|---|---|
//! | [`dotmac.pool.connections`](POOL_CONNECTIONS) | gauge | `target`, `state` (`open`, `idle`, `in_use`, `max`) | connections of a pool |
//! | [`dotmac.acquire.count`](ACQUIRE_COUNT) | counter | | connections taken from a pool by sessions |
//! | [`dotmac.acquire.microseconds`](ACQUIRE_MICROSECONDS) | counter | | how long sessions waited for them, in all |
//! | [`dotmac.session.open`](SESSION_OPEN) | gauge | | sessions that hold a connection or wait for one, and rollbacks in the background |
//! | [`dotmac.session.count`](SESSION_COUNT) | counter | `outcome` (`committed`, `rolled_back`, `unknown`) | sessions that ended |
//! | [`dotmac.read.count`](READ_COUNT) | counter | `target` | read sessions |
//! | [`dotmac.read.fallbacks`](READ_FALLBACKS) | counter | | read sessions on the primary because no replica was fit |
//! | [`dotmac.replica.seconds`](REPLICA_SECONDS) | gauge | `target` | how old the state is that a replica shows; absent where not known |
//! | [`dotmac.replica.fit`](REPLICA_FIT) | gauge | `target` | 1 where read sessions go to the replica, else 0 |
//! | [`dotmac.replica.losses`](REPLICA_LOSSES) | counter | `target` | how often a replica was lost |
//! | [`dotmac.databases.open`](DATABASES_OPEN) | gauge | `state` (`connecting`, `idle`, `in_use`, `max`) | databases of a [`Databases`](crate::tenancy::Databases), without the label `database` |
//! | [`dotmac.databases.count`](DATABASES_COUNT) | counter | `event` (`connected`, `failed`, `evicted`, `expired`, `waited`, `gave_up`) | what happened to them, without the label `database` |
//! | [`dotmac.lock.held`](LOCK_HELD) | gauge | `keeper` | locks held by this process, see [`Locks::record_metrics`](crate::lock::Locks::record_metrics); as all of locks, without the label `database` |
//! | [`dotmac.lock.count`](LOCK_COUNT) | counter | `keeper`, `outcome` (`acquired`, `timed_out`, `failed`) | asks for a lock |
//! | [`dotmac.lock.contended`](LOCK_CONTENDED) | counter | `keeper` | asks that found the lock to be another's |
//! | [`dotmac.lock.wait.microseconds`](LOCK_WAIT_MICROSECONDS) | counter | `keeper` | how long asks waited, in all |
//! | [`dotmac.lock.ended`](LOCK_ENDED) | counter | `keeper`, `outcome` (`ended`, `lost`) | locks that are not held any more |
//! | [`dotmac.lock.hold.microseconds`](LOCK_HOLD_MICROSECONDS) | counter | `keeper` | how long those were held, in all |
//!
//! [`CacheClient::record_metrics`](crate::cache::CacheClient::record_metrics) gives those of caches (feature
//! `cache`), with the label `cache`, the name of the cache, where it says so:
//!
//! | name | kind | labels | what |
//! |---|---|---|---|
//! | [`dotmac.cache.count`](CACHE_COUNT) | counter | `cache`, `outcome` (`near_hit`, `far_hit`, `miss`) | calls |
//! | [`dotmac.cache.loads`](CACHE_LOADS) | counter | `cache`, `outcome` (`loaded`, `failed`) | loads that ended |
//! | [`dotmac.cache.load.microseconds`](CACHE_LOAD_MICROSECONDS) | counter | `cache` | how long they took, in all |
//! | [`dotmac.cache.events`](CACHE_EVENTS) | counter | `cache`, `event` (`coalesced`, `stale`, `overtaken`, `unreadable`, `unfit`, `fault`, `evicted`) | as [`CacheStatistics`](crate::cache::CacheStatistics) has them |
//! | [`dotmac.cache.near.entries`](CACHE_NEAR_ENTRIES) | gauge | `cache` | values in the process |
//! | [`dotmac.cache.near.bytes`](CACHE_NEAR_BYTES) | gauge | `cache` | what they weigh |
//! | [`dotmac.cache.messages`](CACHE_MESSAGES) | counter | `event` (`heard`, `missed`, `distrusted`) | messages of invalidations, and what was given up for the lack of them |
//! | [`dotmac.cache.coherent`](CACHE_COHERENT) | gauge | | 1 while messages are heard, else 0 |
//! | [`dotmac.cache.held_back`](CACHE_HELD_BACK) | gauge | | 1 while nothing is sent to Redis because it did not answer |
//!
//! A target is `primary`, or host, port and database of a replica. A keeper is `Redis`, `PostgreSQL` or `the
//! process`.

mod counter;

pub(crate) use counter::Counter;

/// `dotmac.pool.connections`
pub const POOL_CONNECTIONS: &str = "dotmac.pool.connections";
/// `dotmac.acquire.count`
pub const ACQUIRE_COUNT: &str = "dotmac.acquire.count";
/// `dotmac.acquire.microseconds`
pub const ACQUIRE_MICROSECONDS: &str = "dotmac.acquire.microseconds";
/// `dotmac.session.open`
pub const SESSION_OPEN: &str = "dotmac.session.open";
/// `dotmac.session.count`
pub const SESSION_COUNT: &str = "dotmac.session.count";
/// `dotmac.read.count`
pub const READ_COUNT: &str = "dotmac.read.count";
/// `dotmac.read.fallbacks`
pub const READ_FALLBACKS: &str = "dotmac.read.fallbacks";
/// `dotmac.replica.seconds`
pub const REPLICA_SECONDS: &str = "dotmac.replica.seconds";
/// `dotmac.replica.fit`
pub const REPLICA_FIT: &str = "dotmac.replica.fit";
/// `dotmac.replica.losses`
pub const REPLICA_LOSSES: &str = "dotmac.replica.losses";
/// `dotmac.databases.open`
pub const DATABASES_OPEN: &str = "dotmac.databases.open";
/// `dotmac.databases.count`
pub const DATABASES_COUNT: &str = "dotmac.databases.count";
/// `dotmac.cache.count`
pub const CACHE_COUNT: &str = "dotmac.cache.count";
/// `dotmac.cache.loads`
pub const CACHE_LOADS: &str = "dotmac.cache.loads";
/// `dotmac.cache.load.microseconds`
pub const CACHE_LOAD_MICROSECONDS: &str = "dotmac.cache.load.microseconds";
/// `dotmac.cache.events`
pub const CACHE_EVENTS: &str = "dotmac.cache.events";
/// `dotmac.cache.near.entries`
pub const CACHE_NEAR_ENTRIES: &str = "dotmac.cache.near.entries";
/// `dotmac.cache.near.bytes`
pub const CACHE_NEAR_BYTES: &str = "dotmac.cache.near.bytes";
/// `dotmac.cache.messages`
pub const CACHE_MESSAGES: &str = "dotmac.cache.messages";
/// `dotmac.cache.coherent`
pub const CACHE_COHERENT: &str = "dotmac.cache.coherent";
/// `dotmac.cache.held_back`
pub const CACHE_HELD_BACK: &str = "dotmac.cache.held_back";
/// `dotmac.lock.held`
pub const LOCK_HELD: &str = "dotmac.lock.held";
/// `dotmac.lock.count`
pub const LOCK_COUNT: &str = "dotmac.lock.count";
/// `dotmac.lock.contended`
pub const LOCK_CONTENDED: &str = "dotmac.lock.contended";
/// `dotmac.lock.wait.microseconds`
pub const LOCK_WAIT_MICROSECONDS: &str = "dotmac.lock.wait.microseconds";
/// `dotmac.lock.ended`
pub const LOCK_ENDED: &str = "dotmac.lock.ended";
/// `dotmac.lock.hold.microseconds`
pub const LOCK_HOLD_MICROSECONDS: &str = "dotmac.lock.hold.microseconds";
