//! Tenants with a schema or a database of their own.
//!
//! [`Tenants`] opens sessions wherever a tenant's [`Placement`] says; [`Databases`] are those by name.
//! [`clone_schema`] makes a tenant's schema from a template, [`compare_schemas`] tells whether two are
//! the same; [`copy_rows`] and [`remove_rows`] move a tenant between them.

mod clone;
mod databases;
mod placement;
mod placements;
mod state;
mod tenants;
mod transfer;

pub use clone::{CloneData, Cloned, SchemaChange, SchemaDifference, clone_schema, compare_schemas};
pub use databases::{DatabaseLimits, Databases, DatabasesStatistics};
pub use placement::{DatabaseName, Placement};
pub use placements::{CachedPlacements, Placements};
pub use state::TenantState;
pub use tenants::Tenants;
pub use transfer::{RowPlace, Transferred, copy_rows, remove_rows};
