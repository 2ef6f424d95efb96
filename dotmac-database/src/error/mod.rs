//! What can go wrong, as values that a program can act on.

mod database;
mod dberr;
mod variant;

pub use database::{GUARD_MESSAGE, STALE_MESSAGE};
pub use variant::{Error, ErrorKind, Result};
