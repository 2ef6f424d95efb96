//! Redis, as the cache and the locks see it: scripts, messages, and a breaker in front of both.
//!
//! [`Redis`] is a shared client. fred stands behind `port` alone, its options are made in `options`
//! alone: an upgrade of fred concerns these two files.

mod breaker;
mod client;
mod fred;
mod message;
mod options;
mod port;
mod script;

pub use crate::error::RedisFault as Fault;
pub use client::{Redis, RedisOptions};
pub use message::{Event, Events};
pub use port::Reply;
pub use script::Script;
