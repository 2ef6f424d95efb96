//! Queries of the catalog, whose answers are texts.

use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};

use crate::context::SchemaName;
use crate::error::{Error, Result};

/// The rows of a query, each as its columns.
pub async fn read<const COLUMNS: usize, C: ConnectionTrait>(
    sql: &str,
    parameters: impl IntoIterator<Item = Value>,
    columns: [&str; COLUMNS],
    db: &C,
) -> Result<Vec<[Option<String>; COLUMNS]>> {
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, parameters);
    let rows = db.query_all_raw(statement).await?;
    rows.iter()
        .map(|row| {
            let mut texts = [const { None }; COLUMNS];
            for (text, column) in texts.iter_mut().zip(columns) {
                *text = row.try_get("", column)?;
            }
            Ok(texts)
        })
        .collect()
}

/// The name as the value of a parameter.
pub fn parameter(schema: &SchemaName) -> Value {
    schema.as_str().into()
}

/// Refuses a database that has no schemas.
pub fn postgres_only<C: ConnectionTrait>(db: &C) -> Result<()> {
    match db.get_database_backend() {
        DbBackend::Postgres => Ok(()),
        other => Err(Error::Unsupported {
            what: "a schema of a tenant's own",
            backend: other.as_str(),
        }),
    }
}
