//! The tenants of a program with schemas of their own: made, changed, migrated and dropped.
//!
//! [`Fleet`] knows the migrations and the directory; `run` migrates all tenants, `tenant` one of them,
//! `build`, `clone`, `change`, `transfer` (with `relocate` and `leftover`), `archive` and `remove` are the rest of a
//! tenant's life, `plan` and `check` only look, `history` tells what has run in another database. Whatever takes
//! several statements runs in one transaction, on connections of `aside`.

mod archive;
mod aside;
mod build;
mod change;
mod check;
mod clone;
mod event;
mod history;
mod leftover;
mod plan;
mod relocate;
mod remove;
mod report;
mod run;
mod settings;
mod snapshot;
mod tenant;
mod transfer;

pub use archive::Archived;
pub use check::VersionPolicy;
pub use event::FleetEvent;
pub(super) use leftover::{create_moves, drop_moves};
pub use plan::{FleetPlan, TenantPlan};
pub use remove::DropMode;
pub use report::{FleetReport, TenantFailure};
pub use settings::Fleet;
