//! Sessions: units of work that carry their context into the database.
//!
//! [`Database`] opens them, [`Session`] is one. Below: `unit` shares one transaction among nested
//! sessions, `ledger` is its pure state, `slot` owns the connection and never gives back a dirty
//! one, `wire` speaks to the driver, `gate` looks at raw SQL.

mod action;
mod batch;
mod begin;
mod change;
mod cluster;
mod cut;
mod database;
mod follow;
#[cfg(feature = "cache")]
mod followed;
mod gate;
mod handle;
mod health;
mod hold;
mod ledger;
mod live;
mod metric;
mod options;
mod pool;
mod replica;
mod retry;
mod row_lock;
mod savepoint;
mod seaorm;
mod shield;
mod slot;
mod start_check;
mod statistics;
mod stream;
mod system;
mod tally;
mod unit;
#[cfg(feature = "cache")]
mod view;
mod wire;

#[cfg(feature = "cache")]
pub use change::Rows;
pub use database::{Closed, Database};
pub use follow::Followers;
#[cfg(feature = "cache")]
pub use follow::{Committed, Committing, Follow, Prepared};
#[cfg(feature = "cache")]
pub use followed::{Followed, Home, Homes, Place};
pub use handle::{Session, SessionOptions};
pub use health::{Health, MigrationHealth, PrimaryHealth, UnknownReason};
pub use hold::Holder;
pub use replica::ReplicaState;
pub use retry::{RetryPolicy, Retrying};
pub use row_lock::{LockRows, LockWait, LockedSelect};
pub use shield::Shield;
pub use statistics::{
    AcquireStatistics, PoolStatistics, ReadStatistics, ReplicaStatistics, SessionStatistics,
    Statistics,
};
pub use stream::SessionStream;
pub use system::System;
