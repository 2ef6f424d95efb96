//! The guide: one section for each thing that a team does with this library, with code that runs.
//!
//! The examples run in this crate's tests, on SQLite in memory where they need a database; what only
//! PostgreSQL can do is said where it matters.

#[doc = include_str!("../docs/guide/configuration.md")]
pub mod configuration {}

#[doc = include_str!("../docs/guide/units_of_work.md")]
pub mod units_of_work {}

#[doc = include_str!("../docs/guide/errors.md")]
pub mod errors {}

#[doc = include_str!("../docs/guide/row_locks.md")]
pub mod row_locks {}

#[doc = include_str!("../docs/guide/advisory_locks.md")]
pub mod advisory_locks {}

#[doc = include_str!("../docs/guide/versions.md")]
pub mod versions {}

#[doc = include_str!("../docs/guide/unique_keys.md")]
pub mod unique_keys {}

#[doc = include_str!("../docs/guide/fast_queries.md")]
pub mod fast_queries {}

#[doc = include_str!("../docs/guide/mixins.md")]
pub mod mixins {}

#[doc = include_str!("../docs/guide/json.md")]
pub mod json {}

#[doc = include_str!("../docs/guide/pagination.md")]
pub mod pagination {}

#[doc = include_str!("../docs/guide/bulk.md")]
pub mod bulk {}

#[doc = include_str!("../docs/guide/isolation.md")]
pub mod isolation {}

#[doc = include_str!("../docs/guide/schemas.md")]
pub mod schemas {}

#[doc = include_str!("../docs/guide/cloning_schemas.md")]
pub mod cloning_schemas {}

#[doc = include_str!("../docs/guide/databases.md")]
pub mod databases {}

#[doc = include_str!("../docs/guide/roles.md")]
pub mod roles {}

#[doc = include_str!("../docs/guide/raw_sql.md")]
pub mod raw_sql {}

#[doc = include_str!("../docs/guide/rls_check.md")]
pub mod rls_check {}

#[doc = include_str!("../docs/guide/migrations.md")]
pub mod migrations {}

#[doc = include_str!("../docs/guide/moving_tenants.md")]
pub mod moving_tenants {}

#[cfg(feature = "cli")]
#[doc = include_str!("../docs/guide/fleet.md")]
pub mod fleet {}

#[cfg(all(feature = "axum", feature = "poem"))]
#[doc = include_str!("../docs/guide/requests.md")]
pub mod requests {}

#[doc = include_str!("../docs/guide/replicas.md")]
pub mod replicas {}

#[cfg(feature = "cache")]
#[doc = include_str!("../docs/guide/cache.md")]
pub mod cache {}

#[doc = include_str!("../docs/guide/lock.md")]
pub mod lock {}

#[doc = include_str!("../docs/guide/leader_and_limits.md")]
pub mod leader_and_limits {}

#[doc = include_str!("../docs/guide/pgbouncer.md")]
pub mod pgbouncer {}

#[doc = include_str!("../docs/guide/operation.md")]
pub mod operation {}
