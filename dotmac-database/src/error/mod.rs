//! What can go wrong, as values that a program can act on.

mod database;
mod dberr;
mod retryable;
mod variant;

pub use database::{GUARD_MESSAGE, STALE_MESSAGE};
pub use retryable::Retryable;
pub use variant::{Error, ErrorKind, Result};
