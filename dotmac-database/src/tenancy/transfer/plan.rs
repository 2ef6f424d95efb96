//! What has to be moved, in which order, and what stands against it.

use sea_orm::{ConnectionTrait, DbErr, Value};

use super::place::RowPlace;
use crate::context::TenantId;
use crate::entity::descriptions;
use crate::error::{Error, Result, TenancyError};
use crate::tenancy::clone::read;

const PLAN: &str = include_str!("sql/plan.sql");

/// A table whose rows move; everything is SQL.
#[derive(Debug, Clone, Default)]
pub struct Table {
    pub name: String,
    pub source: String,
    pub target: String,
    /// Which rows are the tenant's.
    pub condition: String,
    /// The columns, and what they get.
    pub columns: String,
    pub expressions: String,
    /// The columns as texts, for a comparison.
    pub texts: String,
    /// Statements that keep triggers from firing, and those that undo it.
    pub source_off: Option<String>,
    pub source_on: Option<String>,
    pub target_off: Option<String>,
    pub target_on: Option<String>,
    /// Statements that bring the sequences past the rows.
    pub sequences: Option<String>,
    needs: Vec<String>,
}

/// The tables of the program's tenant-aware entities that the source has, each after those that it
/// refers to.
///
/// # Errors
/// [`TenancyError::NotClonable`] for a table whose rows cannot be moved exactly.
pub async fn plan<C: ConnectionTrait>(
    tenant: &TenantId,
    from: &RowPlace,
    to: &RowPlace,
    tx: &C,
) -> Result<Vec<Table>> {
    // An entity that names its schema is there for every tenant.
    let known = descriptions().filter(|entity| entity.schema.is_none());
    let known: Vec<serde_json::Value> = known
        .filter_map(|entity| {
            let tenant = entity.features.tenant?.tenant_id;
            Some(serde_json::json!({ "name": entity.table, "tenant": tenant }))
        })
        .collect();
    let parameters: [Value; 4] = [
        from.name().into(),
        to.name().into(),
        serde_json::Value::Array(known).to_string().into(),
        tenant.as_str().into(),
    ];
    let columns = [
        "name",
        "source",
        "target",
        "condition",
        "columns",
        "expressions",
        "texts",
        "source_off",
        "source_on",
        "target_off",
        "target_on",
        "sequences",
        "needs",
        "problem",
    ];
    let rows = read(PLAN, parameters, columns, tx).await?;
    in_order(rows.into_iter().map(table).collect::<Result<_>>()?)
}

fn table(row: [Option<String>; 14]) -> Result<Table> {
    let [
        name,
        source,
        target,
        condition,
        columns,
        expressions,
        texts,
        rest @ ..,
    ] = row;
    let [
        source_off,
        source_on,
        target_off,
        target_on,
        sequences,
        needs,
        problem,
    ] = rest;
    let name = name.unwrap_or_default();
    if let Some(reason) = problem {
        return Err(immovable(&name, reason));
    }
    let Some(condition) = condition else {
        return Err(immovable(&name, "it has no tenant column".to_owned()));
    };
    // The catalog's own JSON: an array of names.
    let needs: Vec<String> = match needs {
        Some(json) => {
            serde_json::from_str(&json).map_err(|error| DbErr::Json(error.to_string()))?
        }
        None => Vec::new(),
    };
    Ok(Table {
        source: source.unwrap_or_default(),
        target: target.unwrap_or_default(),
        condition,
        columns: columns.unwrap_or_default(),
        expressions: expressions.unwrap_or_default(),
        texts: texts.unwrap_or_default(),
        source_off,
        source_on,
        target_off,
        target_on,
        sequences,
        needs,
        name,
    })
}

/// In a circle of references one has to come first: foreign keys that can be deferred let it.
fn in_order(mut left: Vec<Table>) -> Result<Vec<Table>> {
    let mut sorted: Vec<Table> = Vec::new();
    while !left.is_empty() {
        let waits = |table: &Table| {
            let is_left = |need: &String| left.iter().any(|other| other.name == *need);
            table.needs.iter().any(is_left)
        };
        let next = left.iter().position(|table| !waits(table)).unwrap_or(0);
        sorted.push(left.remove(next));
    }
    Ok(sorted)
}

pub fn immovable(table: &str, reason: String) -> Error {
    TenancyError::NotClonable {
        object: format!("table \"{table}\""),
        reason,
    }
    .into()
}
