//! Row-level security: the roles that a database needs, and the policies that hold tenants apart.
//!
//! Policies are one equality on the tenant column, cast on the setting, inside a `(select …)`:
//! another form loses the index, or lets a cursor or a cached plan show rows of another tenant.
//! They are bypassed by role only (`TO …`), never by a setting.

mod policy;
mod role;
mod table;

pub use policy::{install, remove, share};
pub use role::{Login, Roles};
pub use table::{TableName, postgres_only};
