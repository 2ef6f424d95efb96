//! Locks that know the tenant and their loss: in Redis, in PostgreSQL, or in the process.
//!
//! [`Locks`] is where locks are kept, [`Lock`] one of them, [`LockGuard`] the right to act while it is
//! valid. Below: `turn` lets the callers of one process ask one after another, `acquire` asks the
//! `backend`, `lease` is what a guard knows of its time, `keeper` renews the leases of all guards. `leader`,
//! `once`, `semaphore` and `all` are built on guards alone; `rate` keeps its own numbers.

mod acquire;
mod advisory;
mod all;
mod backend;
mod core;
mod fence;
mod fenced;
mod guard;
mod keeper;
mod leader;
mod lease;
mod local;
mod locks;
mod name;
mod once;
mod rate;
#[cfg(feature = "redis")]
mod redis;
mod semaphore;
mod statistics;
#[cfg(test)]
mod tests;
mod turn;

pub use advisory::PgLockKey;
pub use all::LockGuards;
pub use backend::Holder;
pub use fence::Fence;
pub use fenced::{Fenced, FencedUpdateMany, UpdateFenced, UpdateManyFenced};
pub use guard::{LockGuard, LockToken, Released};
pub use leader::{Leader, Led, Term};
pub use locks::{Lock, Locks};
pub use name::LockName;
pub use once::Once;
pub use rate::{Rate, RateLimit, RateLimits, Verdict};
pub use semaphore::Semaphore;
pub use statistics::LockStatistics;

pub(crate) use fenced::check as check_fence;
