//! Whether policies may hide rows of a table from whoever asks.

use crate::error::{Result, TenancyError};

const IS_HIDDEN: &str = include_str!("sql/is_hidden.sql");

/// The SQL that tells it of the table `rel.oid`. A policy that shows all rows is one for one of these commands,
/// as the catalog calls them.
pub fn is_hidden(commands: &str) -> String {
    IS_HIDDEN.trim_end().replace("{commands}", commands)
}

/// Refuses tables of which rows may be hidden; each comes with the role that asked.
///
/// # Errors
/// [`TenancyError::HiddenRows`].
pub fn refuse_hidden<'t>(hidden: impl Iterator<Item = (&'t str, &'t str)>) -> Result<()> {
    let (tables, roles): (Vec<&str>, Vec<&str>) = hidden.unzip();
    match roles.first() {
        None => Ok(()),
        Some(role) => Err(TenancyError::HiddenRows {
            tables: tables.join(", "),
            role: (*role).to_owned(),
        }
        .into()),
    }
}
