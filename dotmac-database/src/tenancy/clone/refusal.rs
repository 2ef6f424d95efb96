//! What keeps a schema from being copied.

use sea_orm::{ConnectionTrait, Value};

use super::catalog::{parameter, read};
use crate::context::SchemaName;
use crate::error::{Error, Result, TenancyError};

const REFUSALS: &str = include_str!("sql/refusals.sql");
const TEXTS: &str = include_str!("sql/texts.sql");
const LINKS: &str = include_str!("sql/links.sql");

/// Settings, such as those of the request's context: `app` may be a schema too.
const SETTING: &str = r"current_setting\('[^']*'";

/// Refuses a schema with anything that would be left out of the copy, or be another thing in it.
///
/// # Errors
/// [`TenancyError::NotClonable`], for the first such object.
pub async fn verify_clonable<C: ConnectionTrait>(
    schema: &SchemaName,
    all_rows: bool,
    tx: &C,
) -> Result<()> {
    none(REFUSALS, [parameter(schema), all_rows.into()], tx).await
}

/// Refuses a schema whose name is in a text of its own. It has to be the first in the search path.
///
/// # Errors
/// [`TenancyError::NotClonable`], for the first such object.
pub async fn verify_texts<C: ConnectionTrait>(schema: &SchemaName, tx: &C) -> Result<()> {
    none(TEXTS, [parameter(schema), SETTING.into()], tx).await
}

/// Refuses a copy that uses objects of its original.
///
/// # Errors
/// [`TenancyError::NotClonable`], for the first such object.
pub async fn verify_apart<C: ConnectionTrait>(
    original: &SchemaName,
    copy: &SchemaName,
    tx: &C,
) -> Result<()> {
    none(LINKS, [parameter(original), parameter(copy)], tx).await
}

async fn none<C: ConnectionTrait>(
    sql: &str,
    parameters: impl IntoIterator<Item = Value>,
    tx: &C,
) -> Result<()> {
    let rows = read(sql, parameters, ["object", "reason"], tx).await?;
    match rows.into_iter().next() {
        None => Ok(()),
        Some([object, reason]) => Err(not_clonable(
            object.unwrap_or_default(),
            reason.unwrap_or_default(),
        )),
    }
}

pub fn not_clonable(object: String, reason: String) -> Error {
    TenancyError::NotClonable { object, reason }.into()
}
