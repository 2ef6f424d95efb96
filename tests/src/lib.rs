//! Tests of `dotmac-database` live in `tests/`: `database` on real servers, `ui` for diagnostics,
//! `tidy` for the house rules; benchmarks in `benches/`.
//!
//! A name that begins with a number proves a case of the isolation list:
//!
//! | cases | what must not cross a tenant | file |
//! |---|---|---|
//! | I01–I08 | no context, hostile ids and texts, nested, spawned and shared sessions | `context.rs` |
//! | I10–I18 | every way to read through SeaORM, and raw SQL | `reads.rs` |
//! | I20–I29 | every way to write, foreign keys, unique values, the role's rights | `writes.rs` |
//! | I03, I04 | a million literals, identifiers and contexts, as the server reads them | `field/quoting.rs` |
//! | I14, I15, I29 | any SQL as the application; functions that run a text | `attack/sql.rs`, `attack/gate.rs` |
//! | I30, I32, I33, I35 | what is left on a connection | `pool.rs`, `attack/leftover.rs` |
//! | I31, I32 | futures dropped after n polls | `cancellation.rs` |
//! | I34 | the context of each attempt | `retries.rs` |
//! | I36 | PgBouncer, transaction mode | `pgbouncer.rs` |
//! | I37 | 200 tenants at once, against a model | `attack/model.rs` |
//! | I38 | replicas | `replicas.rs`, `pgbouncer.rs` |
//! | I40, I41, I44 | logins and tables that policies do not bind | `roles.rs`, `rls_check.rs`, `rls_open.rs`, `rls_schemas.rs`, `tenants/facade.rs` |
//! | I42, I43 | policies, views, functions and rights beside ours | `rls_check.rs`, `rls_views.rs` |
//! | I45 | what a migration leaves when it is taken back | `migrations.rs` |
//! | I50 | names of schemas | the library's `context/schema.rs` |
//! | I51–I53 | a schema for each tenant | `schemas/missing.rs`, `schemas/attack.rs`, `schemas/prepared.rs`, `schemas/bouncer.rs` |
//! | I54 | a run over all tenants | `schemas/fleet.rs`, `schemas/fleet_interrupted.rs` |
//! | I60–I62 | soft delete | `soft_delete.rs`, `entities.rs` |
//! | I65, I66 | stamps | `stamps.rs`, `json.rs` |
//! | I70–I75 | requests, over HTTP | `web/` |
//!
//! One with C and a number proves a case of the cache, in `cache/` and in the library's `cache` and `redis`.
//! One with P proves a case of advisory locks, in `lock/` and in the library's `lock`; L is for locks in general.

pub mod library;
pub mod mixin;

dotmac_database::table_prefix!("lib_");
