//! Redis, as the cache and the locks see it: scripts, messages, and a breaker in front of both.
//!
//! [`Redis`] is a shared client. fred stands behind `port` alone: an upgrade of it concerns its driver
//! `fred`, and `options`, `address` and `tls`, where its options are made.

mod address;
mod breaker;
mod client;
mod fred;
mod message;
mod options;
mod port;
mod script;
#[cfg(feature = "tls-rustls")]
mod tls;

pub use crate::error::RedisFault as Fault;
pub use client::{Redis, RedisOptions};
pub use message::{Event, Events};
pub use port::{Reply, Step};
pub use script::Script;
pub(crate) use script::script;
