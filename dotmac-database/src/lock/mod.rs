//! Locks that know the tenant and their loss: in Redis, in PostgreSQL, or in the process.
//!
//! [`Locks`] is where locks are kept, [`Lock`] one of them, [`LockGuard`] the right to act while it is
//! valid. Below: `turn` lets the callers of one process ask one after another, `acquire` asks the
//! `backend`, `lease` is what a guard knows of its time, `keeper` renews the leases of all guards.

mod acquire;
mod backend;
mod core;
mod fence;
mod guard;
mod keeper;
mod lease;
mod local;
mod locks;
mod name;
#[cfg(test)]
mod tests;
mod turn;

pub use backend::Holder;
pub use fence::Fence;
pub use guard::{LockGuard, LockToken, Released};
pub use locks::{Lock, Locks};
pub use name::LockName;
