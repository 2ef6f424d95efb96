//! Multi-tenant PostgreSQL for SeaORM 2.
//!
//! A team writes its entities as always, adds `SoftDelete`, `Audited`, `TenantAware` to the derive
//! list, and gets columns, hooks, row-level security, indexes and default scopes; and sessions that
//! carry the request's context into the database in the round trip that opens the transaction.
//!
//! - [`model`] and the derives: what an entity is made of. [`macro@mixin`]: columns that several share.
//! - [`Database`] and [`Session`]: units of work; [`RequestContext`]: for whom.
//! - [`SoftDeleteModel`]: delete and restore; [`query`]: pages, bulk statements, upserts.
//! - [`rls`] and [`migrate`]: what a migration installs in the database.
//! - [`tenancy`]: schemas and databases of tenants, and the directory of them;
//!   [`Tenants`](tenancy::Tenants): one API over all; [`migrate::Fleet`]: their lives and migrations.
//! - `web` (features `axum` and `poem`): requests, with sessions as arguments of handlers.
//! - `cache` (feature): values of tenants, in the process and in Redis.
//! - [`lock`]: locks in PostgreSQL, in the process and, with the feature `redis`, in Redis.
//! - `cli` (feature): the command line for migrations and tenants.
//! - `testing` (feature): throwaway databases.
//!
//! The database is the boundary: policies, constraints and triggers hold for every statement, also
//! for raw SQL. What the ORM layer adds is early, typed errors and good plans. On SQLite there is no
//! row-level security; the same code runs, and isolation is by hooks and explicit conditions only.

#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate self as dotmac_database;

#[cfg(feature = "cli")]
pub mod cli;
mod config;
mod context;
mod entity;
mod error;
mod ident;
#[cfg(feature = "redis")]
#[cfg_attr(
    not(feature = "cache"),
    allow(dead_code, unused_imports, reason = "the cache uses the rest")
)]
mod redis;
mod session;
mod soft_delete;

#[cfg(feature = "cache")]
pub mod cache;
#[cfg(doc)]
pub mod guide;
pub mod lock;
pub mod migrate;
pub mod prelude;
pub mod query;
pub mod rls;
pub mod telemetry;
pub mod tenancy;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(any(feature = "axum", feature = "poem"))]
pub mod web;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use dotmac_database_derive::{hooks, mixin, model};

pub use config::{DatabaseConfig, RedisConfig, StartCheck, Tenancy};
pub use context::{
    Global, Owner, PerTenant, RequestContext, SchemaName, SearchPath, TenantId, TenantKey,
    TenantKind,
};
pub use entity::scope::reversed;
pub use entity::{
    AuditColumns, Audited, BaseModel, Cached, Featured, Features, HasMixin, JsonInput, JsonModel,
    Mixin, MixinHooks, SoftDelete, SoftDeleteColumns, TenantAware, TenantColumn, TimestampColumns,
    Timestamps, UpdateManyVersioned, Versioned,
};
pub use error::{
    CacheError, Error, ErrorKind, LockError, RedisFault, Result, Retryable, TenancyError, Violation,
};
#[cfg(feature = "redis")]
pub use redis::RedisOptions;
pub use session::{
    AcquireStatistics, Closed, Database, Health, LockRows, LockWait, LockedSelect, MigrationHealth,
    PoolStatistics, PrimaryHealth, ReadStatistics, ReplicaState, ReplicaStatistics, RetryPolicy,
    Retrying, Session, SessionOptions, SessionStatistics, SessionStream, Statistics, System,
    UnknownReason,
};
pub use soft_delete::{SoftDeleteMany, SoftDeleteModel};

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
