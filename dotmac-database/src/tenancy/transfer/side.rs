//! The tables of one schema that hold rows of tenants, as the catalog has them.

use sea_orm::{ConnectionTrait, DbErr, Value};
use serde::Deserialize;

use super::hidden::is_hidden;
use super::place::RowPlace;
use crate::context::TenantId;
use crate::entity::{Description, descriptions};
use crate::error::{Error, Result, TenancyError};
use crate::ident::{literal, quote};
use crate::tenancy::clone::read;

const SIDE: &str = include_str!("sql/side.sql");

/// A table, and what it takes to move the tenant's rows out of it or into it.
#[derive(Debug, Clone, Deserialize)]
pub struct Side {
    pub name: String,
    /// With its schema, quoted.
    pub place: String,
    /// Who asks.
    pub role: String,
    pub is_foreign: bool,
    /// Which rows are the tenant's.
    condition: Option<String>,
    columns: Vec<Column>,
    /// Statements that keep triggers from firing, and those that undo it.
    pub off: Vec<String>,
    pub on: Vec<String>,
    pub sequences: Vec<Sequence>,
    /// The tables that it refers to.
    pub needs: Vec<String>,
    /// Whether a policy may hide rows from the role.
    pub is_hidden: bool,
    /// A table that is not moved, whose rows go or change with those of this one.
    pub reaches: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Column {
    name: String,
    r#type: String,
    /// Whether the type is of the same schema.
    own_type: bool,
    /// What has to be the same on both sides.
    like: [String; 3],
    is_generated: bool,
}

/// A sequence that a column is fed by.
#[derive(Debug, Clone, Deserialize)]
pub struct Sequence {
    name: String,
    pub column: String,
    is_integer: bool,
    descends: bool,
    /// The last value that it gave.
    last: Option<i64>,
}

impl Side {
    /// The tables of the program's tenant-aware entities that the schema has, each after those that it
    /// refers to.
    ///
    /// # Errors
    /// [`TenancyError::NotClonable`] for one without the tenant's column; the database's.
    pub async fn read_all<C: ConnectionTrait>(
        tenant: &TenantId,
        place: &RowPlace,
        tx: &C,
    ) -> Result<Vec<Self>> {
        // An entity that names its schema is there for every tenant.
        let entities = descriptions().filter(|entity| entity.schema.is_none());
        let sides = Self::read(tenant, place.name(), entities, tx).await?;
        match sides.iter().find(|side| side.condition.is_none()) {
            Some(side) => Err(immovable(&side.name, "it has no tenant column")),
            None => Ok(in_order(sides)),
        }
    }

    /// Those of some entities that can have rows of the tenant.
    ///
    /// # Errors
    /// The database's.
    pub async fn read_fitting<C: ConnectionTrait>(
        tenant: &TenantId,
        schema: &str,
        entities: impl Iterator<Item = &'static Description>,
        tx: &C,
    ) -> Result<Vec<Self>> {
        let fits = |entity: &&Description| {
            let column = entity.features.tenant;
            column.is_some_and(|column| column.kind.check(tenant).is_ok())
        };
        let mut sides = Self::read(tenant, schema, entities.filter(fits), tx).await?;
        sides.retain(|side| side.condition.is_some());
        Ok(sides)
    }

    async fn read<C: ConnectionTrait>(
        tenant: &TenantId,
        schema: &str,
        entities: impl Iterator<Item = &'static Description>,
        tx: &C,
    ) -> Result<Vec<Self>> {
        let known: Vec<serde_json::Value> = entities
            .filter_map(|entity| {
                let tenant = entity.features.tenant?.tenant_id;
                Some(serde_json::json!({ "name": entity.table, "tenant": tenant }))
            })
            .collect();
        let parameters: [Value; 3] = [
            schema.into(),
            serde_json::Value::Array(known).to_string().into(),
            tenant.as_str().into(),
        ];
        let sql = SIDE.replace("{is_hidden}", &is_hidden("'*'"));
        let rows = read(&sql, parameters, ["table"], tx).await?;
        let parsed = rows.into_iter().map(|[table]| {
            serde_json::from_str(&table.unwrap_or_default())
                .map_err(|error| DbErr::Json(error.to_string()).into())
        });
        parsed.collect()
    }

    /// Which rows are the tenant's, as SQL.
    pub fn condition(&self) -> &str {
        // A table without it was refused.
        self.condition.as_deref().unwrap_or("false")
    }

    /// Whether the other one has the same columns.
    pub fn is_like(&self, other: &Self) -> bool {
        let key = |side: &Self| -> Vec<(String, [String; 3])> {
            let columns = side.columns.iter();
            columns
                .map(|it| (it.name.clone(), it.like.clone()))
                .collect()
        };
        key(self) == key(other)
    }

    /// The columns that can be written, as a list of SQL.
    pub fn columns(&self) -> String {
        self.list(|column| quote(&column.name))
    }

    /// The columns of a table like this one in the same database, as values for this one.
    pub fn expressions(&self) -> String {
        self.list(|column| match column.own_type {
            true => format!("{}::text::{}", quote(&column.name), column.r#type),
            false => quote(&column.name),
        })
    }

    /// The columns as texts, for a comparison.
    pub fn texts(&self) -> String {
        self.list(|column| format!("{}::text", quote(&column.name)))
    }

    fn list(&self, sql: impl Fn(&Column) -> String) -> String {
        let written = self.columns.iter().filter(|column| !column.is_generated);
        written.map(sql).collect::<Vec<_>>().join(", ")
    }

    /// The statement that removes the tenant's rows.
    pub fn delete(&self) -> String {
        format!("DELETE FROM {} WHERE {}", self.place, self.condition())
    }

    /// The statements that bring this table's sequences past its rows, and past what those of the other
    /// one have given.
    pub fn sequels(&self, other: &Self) -> Vec<String> {
        let sequel = |sequence: &Sequence| {
            let before = other.sequences.iter();
            let before = before.filter(|it| it.column == sequence.column);
            let (choice, end) = match sequence.descends {
                true => ("least", "min"),
                false => ("greatest", "max"),
            };
            let name = literal(&sequence.name);
            let mut values = vec![format!("pg_sequence_last_value({name}::regclass)")];
            values.extend(before.filter_map(|it| it.last).map(|last| last.to_string()));
            if sequence.is_integer {
                let column = quote(&sequence.column);
                values.push(format!("(SELECT {end}({column}) FROM {})", self.place));
            }
            format!(
                "SELECT setval({name}, value) FROM (SELECT {choice}({}) AS value) last \
                 WHERE value IS NOT NULL",
                values.join(", "),
            )
        };
        self.sequences.iter().map(sequel).collect()
    }
}

/// The statement that keeps others from the tables, as far as the mode says.
pub fn lock<'s>(sides: impl IntoIterator<Item = &'s Side>, mode: &str) -> String {
    let mut places: Vec<&str> = sides.into_iter().map(|side| side.place.as_str()).collect();
    // In one order, so that two that lock the same do not wait for ever.
    places.sort_unstable();
    format!("LOCK TABLE {} IN {mode} MODE", places.join(", "))
}

/// In a circle of references one has to come first: foreign keys that can be deferred let it.
fn in_order(mut left: Vec<Side>) -> Vec<Side> {
    let mut sorted: Vec<Side> = Vec::new();
    while !left.is_empty() {
        let waits = |side: &Side| {
            let is_left = |need: &String| left.iter().any(|other| other.name == *need);
            side.needs.iter().any(is_left)
        };
        let next = left.iter().position(|side| !waits(side)).unwrap_or(0);
        sorted.push(left.remove(next));
    }
    sorted
}

pub fn immovable(table: &str, reason: impl Into<String>) -> Error {
    TenancyError::NotClonable {
        object: format!("table \"{table}\""),
        reason: reason.into(),
    }
    .into()
}
