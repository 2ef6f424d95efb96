//! Databases by name: connected when they are asked for, and closed when nobody uses them.
//!
//! [`Databases`] is the public type; `shelf` is the state under its lock, `connect` and `expiry` are the
//! tasks that change it, `statistics` what is counted.

mod api;
mod connect;
mod expiry;
mod limits;
mod shelf;
mod statistics;

pub use api::Databases;
pub use limits::DatabaseLimits;
pub use statistics::DatabasesStatistics;
