//! The cache on a real Redis, and without one.

mod cluster;
mod flight;
mod invalidation;
mod levels;
mod many;
mod outage;
mod sentinel;
mod server;
mod support;
mod transaction;
mod warm;
