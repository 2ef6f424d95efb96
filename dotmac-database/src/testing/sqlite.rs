//! SQLite in memory.

use crate::config::DatabaseConfig;
use crate::error::Result;
use crate::session::Database;

/// An empty SQLite database in memory, gone with the last clone of the value.
///
/// There is no row-level security: hooks and explicit conditions are all that holds tenants apart.
///
/// # Errors
/// [`Error::Database`](crate::Error::Database) where SQLite cannot start.
pub async fn in_memory() -> Result<Database> {
    Database::connect(DatabaseConfig::new("sqlite::memory:")?).await
}
