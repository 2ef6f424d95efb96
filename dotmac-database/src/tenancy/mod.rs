//! Tenants with a schema or a database of their own.

mod placement;
mod state;

pub use placement::{DatabaseName, Placement};
pub use state::TenantState;
