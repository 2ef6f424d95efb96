//! `TenantRecord`: a row of the directory.

use chrono::{DateTime, Utc};
use sea_orm::QueryResult;
use serde::Serialize;

use super::{Placement, SchemaVersion, TenantState};
use crate::context::{SchemaName, TenantId};
use crate::error::Result;

/// What the directory knows of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TenantRecord {
    /// Its id.
    pub tenant: TenantId,
    /// Where it is in its life.
    pub state: TenantState,
    /// Where its rows are.
    pub placement: Placement,
    /// Its schema, where it has one.
    pub schema: Option<SchemaName>,
    /// How far its schema has been migrated.
    pub version: Option<SchemaVersion>,
    /// Why the last migration, or the making, of its schema failed.
    pub error: Option<String>,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// When the directory last changed it.
    pub updated_at: DateTime<Utc>,
}

/// The columns that [`TenantRecord::read`] takes.
pub const COLUMNS: &str =
    "tenant_id, state, placement, schema_name, schema_version, error, created_at, updated_at";

impl TenantRecord {
    /// Refuses a tenant whose sessions would not find its schema.
    pub(crate) fn refuse_out_of_sight(&self) -> Result<()> {
        match (&self.placement, &self.schema) {
            (Placement::Schema, Some(schema)) => schema.refuse_out_of_sight(&self.tenant),
            _ => Ok(()),
        }
    }

    /// Reads a row of [`COLUMNS`].
    pub(crate) fn read(row: &QueryResult) -> Result<Self> {
        let text = |column| row.try_get::<String>("", column);
        let optional = |column| row.try_get::<Option<String>>("", column);
        Ok(TenantRecord {
            tenant: text("tenant_id")?.parse()?,
            state: text("state")?.parse()?,
            placement: text("placement")?.parse()?,
            schema: optional("schema_name")?.map(|it| it.parse()).transpose()?,
            version: optional("schema_version")?
                .map(|it| it.parse())
                .transpose()?,
            error: optional("error")?,
            created_at: row.try_get("", "created_at")?,
            updated_at: row.try_get("", "updated_at")?,
        })
    }
}
