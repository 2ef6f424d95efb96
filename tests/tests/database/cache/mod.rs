//! The cache on a real Redis, and without one.

pub mod cluster;
mod entity;
mod faults;
mod flight;
mod invalidation;
mod levels;
mod look;
mod many;
mod operation;
mod outage;
mod pattern;
mod physical;
mod secure;
mod sentinel;
pub mod server;
mod support;
mod transaction;
mod trap;
mod warm;
