//! Our derives where `#[dotmac_database::model]` is absent: the columns are written by hand, and
//! what needs to replace SeaORM's own code is left out.

mod derive;

pub use derive::expand;
