//! The table of an entity, quoted.

use sea_orm::{ConnectionTrait, DbBackend, EntityName, EntityTrait};

use crate::error::{Error, Result};
use crate::ident::quote;

/// A table's name in SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableName {
    schema: Option<String>,
    table: String,
}

impl TableName {
    /// The table of `E`.
    pub fn of<E: EntityTrait>() -> Self {
        let entity = E::default();
        TableName {
            schema: EntityName::schema_name(&entity).map(str::to_owned),
            table: entity.table_name().to_owned(),
        }
    }

    /// A table of this schema, or of the search path.
    pub fn new(schema: Option<String>, table: String) -> Self {
        TableName { schema, table }
    }

    /// The schema, unquoted, where the entity names one.
    pub fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// The bare name, unquoted.
    pub fn bare(&self) -> &str {
        &self.table
    }

    /// Quoted, with its schema where the entity names one.
    pub fn sql(&self) -> String {
        self.sibling(&self.table)
    }

    /// Another object of the same schema, quoted.
    pub fn sibling(&self, name: &str) -> String {
        match &self.schema {
            Some(schema) => format!("{}.{}", quote(schema), quote(name)),
            None => quote(name),
        }
    }
}

/// Refuses a database that has no row-level security.
///
/// # Errors
/// [`Error::Unsupported`].
pub fn postgres_only<C: ConnectionTrait>(db: &C, what: &'static str) -> Result<()> {
    match db.get_database_backend() {
        DbBackend::Postgres => Ok(()),
        DbBackend::Sqlite => Err(Error::Unsupported {
            what,
            backend: "SQLite",
        }),
        other => Err(Error::Unsupported {
            what,
            backend: other.as_str(),
        }),
    }
}
