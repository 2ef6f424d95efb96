//! Advisory locks of PostgreSQL: keys, locks of a session's transaction, and locks on connections of their own.
//!
//! `key` says on what, `session` takes locks for the caller's transaction. Those that outlast one are kept by
//! `backend`, on a `connection` each; `note` is what a connection tells about its holder.

mod backend;
mod connection;
mod inspection;
mod key;
mod note;
mod session;

pub use key::PgLockKey;

pub(super) use backend::{DEFAULT_CONNECTIONS, Postgres};
