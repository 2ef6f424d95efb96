//! The rows of a tenant, moved between the tables that tenants share and tables of its own.
//!
//! `plan` asks the catalog what has to be moved and how, `run` does it.

mod place;
mod plan;
mod run;

pub use place::RowPlace;
pub use run::{Transferred, copy_rows, remove_rows};
