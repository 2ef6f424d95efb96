//! A testing kit for users: throwaway databases, and sessions that leave nothing behind.
//!
//! Feature `testing`; Unix only.

mod account;
mod binaries;
mod error;
mod isolation;
mod migrated;
mod postgres;
mod replica;
mod rollback;
mod server;
mod setting;
mod sqlite;

pub use error::TestingError;
pub use isolation::{
    ActingTenant, acting_as, assert_every_tenant_table_is_protected, assert_refused,
};
pub use migrated::MigratedDatabase;
pub use postgres::ThrowawayPostgres;
pub use replica::ThrowawayReplica;
pub use rollback::rolled_back;
pub use sqlite::in_memory;
