//! A cache that knows the tenant: values in the process and in Redis, invalidated in constant time.
//!
//! [`SmartCache`] is one cache, [`CacheClient`] what all of a program share. Below: `lookup` is the way of
//! a call, `load` the task that reads Redis and asks the loader, `flight` lets callers of one key share it;
//! `near` keeps values in the process, `far` in Redis; `scope` is what entries are invalidated by here, and
//! `coherence` hears what other processes invalidate, and by `heard` what it has missed; `key`, `glob` and
//! `envelope` are how it all is written. `physical` and `sweep` take values out of Redis itself. `entity`
//! invalidates what units of work change, and reads rows of entities through a cache.

mod announcement;
mod client;
mod client_options;
mod client_statistics;
mod codec;
mod coherence;
mod core;
mod debt;
mod entity;
mod envelope;
mod far;
mod fingerprint;
mod flight;
mod glob;
mod heard;
mod key;
mod load;
mod loaded;
mod lookup;
mod many;
mod metric;
mod mode;
mod near;
mod options;
mod pattern;
mod physical;
mod scope;
mod session;
mod smart;
mod statistics;
mod sweep;
mod warm;
mod write;

pub use client::{CacheClient, CacheClosed};
pub use client_options::CacheClientOptions;
pub use client_statistics::CacheClientStatistics;
pub use codec::Codec;
pub use core::CacheValue;
pub(crate) use entity::Outbox;
pub use entity::{CacheReader, CachedEntity, EntityCache, Following};
pub use key::{CacheKey, KeyWriter};
pub use loaded::Loaded;
pub use lookup::Lookup;
pub use mode::CacheMode;
pub use options::CacheOptions;
pub use physical::Physical;
pub use session::{AfterCommit, CacheAfterCommit};
pub use smart::SmartCache;
pub use statistics::CacheStatistics;
pub use sweep::{Sweep, Swept};
pub use warm::{Warm, Warmed};

pub use crate::session::Followed;
