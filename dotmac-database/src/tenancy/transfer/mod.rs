//! The rows of a tenant, moved between the tables that tenants share and tables of its own.
//!
//! `side` asks the catalog of a schema for the tables and how rows get out and in, `plan` pairs two of them;
//! `run` copies within a database, `stream` between two, `taking` removes. `checksum` tells whether rows are
//! the same, `presence` whether there are any. `contents` are all tables of a schema, `losses` what of them would be lost
//! with it, `hidden` whether policies stand between them and whoever asks.

mod checksum;
mod contents;
mod hidden;
mod losses;
mod place;
mod plan;
mod presence;
mod run;
mod side;
mod stream;
mod taking;

pub use checksum::Checksums;
pub use contents::refuse_hidden_rows;
pub use losses::refuse_losses;
pub use place::RowPlace;
pub use presence::refuse_rows;
pub use run::{Transferred, copy_rows, remove_rows};
pub use stream::{RowSite, copy_across};
pub use taking::{Expected, take_away};
