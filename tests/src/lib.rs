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
//! | I30, I32, I33, I35 | what is left on a connection | `pool.rs` |
//! | I31, I32 | futures dropped after n polls | `cancellation.rs` |
//! | I36 | PgBouncer, transaction mode | `pgbouncer.rs` |
//! | I40, I41, I44 | logins and tables that policies do not bind | `roles.rs` |
//! | I45 | what a migration leaves when it is taken back | `migrations.rs` |
//! | I60–I62 | soft delete | `soft_delete.rs`, `entities.rs` |
//! | I65, I66 | stamps | `stamps.rs`, `json.rs` |

pub mod library;
pub mod mixin;

dotmac_database::table_prefix!("lib_");
