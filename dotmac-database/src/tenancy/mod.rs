//! Tenants with a schema or a database of their own.
//!
//! [`Directory`] is the table of all tenants: who there is, in which [`TenantState`], and in which
//! [`Placement`]. [`Tenants`] opens sessions wherever that says; [`Databases`] are those by name. What makes,
//! changes and migrates tenants is [`migrate::Fleet`](crate::migrate::Fleet).
//! [`clone_schema`] makes a tenant's schema from a template, [`compare_schemas`] tells whether two are
//! the same; [`copy_rows`] and [`remove_rows`] move a tenant between them.

mod answers;
mod clone;
mod databases;
mod directory;
mod event;
#[cfg(feature = "cache")]
mod follow;
mod placement;
mod placements;
mod record;
mod state;
mod tenants;
mod transfer;
mod transition;
mod version;

#[cfg(any(feature = "axum", feature = "poem"))]
pub(crate) use answers::Answers;
pub use clone::{CloneData, Cloned, SchemaChange, SchemaDifference, clone_schema, compare_schemas};
pub use databases::{DatabaseLimits, Databases, DatabasesStatistics};
pub use directory::{Directory, Listing};
pub use event::DirectoryEvent;
pub use placement::{DatabaseName, Placement};
pub use placements::{CachedPlacements, Placements};
pub(crate) use record::COLUMNS;
pub use record::TenantRecord;
pub use state::TenantState;
pub use tenants::Tenants;
pub(crate) use transfer::{
    Checksums, Expected, RowSite, copy_across, refuse_hidden_rows, refuse_losses, refuse_rows,
    take_away,
};
pub use transfer::{RowPlace, Transferred, copy_rows, remove_rows};
pub use transition::Transition;
pub use version::{SchemaStanding, SchemaVersion};
