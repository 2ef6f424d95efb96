//! Tenants with a schema or a database of their own.

mod databases;
mod placement;
mod placements;
mod state;
mod tenants;

pub use databases::{DatabaseLimits, Databases, DatabasesStatistics};
pub use placement::{DatabaseName, Placement};
pub use placements::{CachedPlacements, Placements};
pub use state::TenantState;
pub use tenants::Tenants;
