//! Sessions: units of work that carry their context into the database.
//!
//! [`Database`] opens them, [`Session`] is one. Below: `unit` shares one transaction among nested
//! sessions, `ledger` is its pure state, `slot` owns the connection and never gives back a dirty
//! one, `wire` speaks to the driver, `gate` looks at raw SQL.

mod action;
mod batch;
mod database;
mod gate;
mod handle;
mod ledger;
mod options;
mod pool;
mod retry;
mod row_lock;
mod savepoint;
mod seaorm;
mod shield;
mod slot;
mod start_check;
mod stream;
mod unit;
mod wire;

pub use database::Database;
pub use handle::{Session, SessionOptions};
pub use retry::{RetryPolicy, Retrying};
pub use row_lock::{LockRows, LockWait, LockedSelect};
pub use stream::SessionStream;
