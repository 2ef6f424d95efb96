//! What can go wrong, as values that a program can act on.

mod cache;
mod columns;
mod database;
mod dberr;
mod kind;
mod lock;
mod postgres;
mod redis;
mod retryable;
mod sqlite;
mod tenancy;
mod variant;
mod violation;

pub use cache::CacheError;
pub use columns::ConstraintColumns;
pub use database::{GUARD_MESSAGE, STALE_MESSAGE, is_stale_plan};
pub use kind::ErrorKind;
pub use lock::LockError;
pub use redis::RedisFault;
pub use retryable::Retryable;
pub use tenancy::TenancyError;
pub use variant::{Error, Result};
pub use violation::Violation;
