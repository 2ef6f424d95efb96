//! Where the rows of a tenant are.

use std::fmt;

use crate::context::SchemaName;

/// The schema of the tables that a tenant's rows are in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowPlace {
    /// `public`, where the tables are that tenants share.
    Public,
    /// Another schema, such as a tenant's own.
    Schema(SchemaName),
}

impl RowPlace {
    pub(super) fn name(&self) -> &str {
        match self {
            RowPlace::Public => "public",
            RowPlace::Schema(schema) => schema.as_str(),
        }
    }
}

impl From<SchemaName> for RowPlace {
    fn from(schema: SchemaName) -> Self {
        RowPlace::Schema(schema)
    }
}

impl fmt::Display for RowPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
