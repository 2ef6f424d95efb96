//! Row-level security: the roles that a database needs, and the policies that hold tenants apart.
//!
//! Policies are one equality on the tenant column, cast on the setting, inside a `(select …)`:
//! another form loses the index, or lets a cursor or a cached plan show rows of another tenant.
//! They are bypassed by role only (`TO …`), never by a setting.
//!
//! A view, a materialized view or a SECURITY DEFINER function runs as its owner, and policies let the
//! migrator see all rows: create views `WITH (security_invoker = true)` (PostgreSQL 15), or hand them
//! to the owner role, which policies show nothing.
//!
//! # Cancel safety
//! Each function sends its statements as one batch, which takes effect as a whole or not at all;
//! [`Roles::create`] and [`Roles::drop`] send several, and can be run again.

mod check;
mod history;
mod policy;
mod role;
mod table;

pub use check::{Finding, Report, Severity, check, migration};
pub(crate) use policy::protect;
pub use policy::{install, remove, share};
pub use role::{Login, Roles};
pub(crate) use table::{TableName, postgres_only};
