//! Locks in a real Redis.

pub mod child;
mod contention;
mod faults;
mod holding;
mod servers;
pub mod support;
mod waiting;
