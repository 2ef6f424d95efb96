//! Configuration: where the database is, and how a program uses it.

mod database;
mod environment;
mod url;

pub use database::{DatabaseConfig, StartCheck};
pub use environment::database_url;
pub use url::normalize;
