//! Locks in a real Redis.

pub mod child;
mod contention;
mod faults;
mod hand_over;
mod holding;
mod keys;
mod servers;
pub mod support;
mod waiting;
