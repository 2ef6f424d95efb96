//! Where a command line finds its database.

use crate::config;
use crate::error::{Error, Result};

/// The URL for a command line: `--database-url`, else `DATABASE_URL`, else `DB_HOST`, `DB_PORT`,
/// `DB_NAME`, `DB_USER` and `DB_PASSWORD`. Driver suffixes (`postgresql+asyncpg://`) are taken off.
///
/// # Errors
/// [`Error::Config`] where none is given, or it is malformed.
pub fn database_url(argument: Option<&str>) -> Result<String> {
    let url = match argument {
        Some(argument) => Some(argument.to_owned()),
        None => config::database_url(&|name| std::env::var_os(name))?,
    };
    let url = url.ok_or_else(|| Error::Config {
        variable: "DATABASE_URL",
        reason: "is not set: set it, or pass `--database-url postgres://…`".to_owned(),
    })?;
    config::normalize(&url)
}
