//! All tables and sequences of a schema, whoever made them.

use sea_orm::{ConnectionTrait, DbErr};
use serde::Deserialize;

use super::hidden::{is_hidden, refuse_hidden};
use super::place::RowPlace;
use crate::context::SchemaName;
use crate::entity::descriptions;
use crate::error::Result;
use crate::ident::quote;
use crate::tenancy::clone::read;

const CONTENTS: &str = include_str!("sql/contents.sql");

/// A table, or a sequence that feeds no column.
#[derive(Debug, Clone, Deserialize)]
pub struct Relation {
    pub name: String,
    /// With its schema, quoted.
    pub place: String,
    role: String,
    pub kind: Kind,
    /// A partition of a table of the same schema.
    pub is_part: bool,
    pub columns: Vec<String>,
    /// Whether a policy may hide rows from the role.
    is_hidden: bool,
    descends: bool,
    /// The last value that a sequence gave.
    last: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Table,
    /// It has its rows in its partitions.
    Partitioned,
    Sequence,
}

impl Relation {
    /// Those of a schema, by their names.
    ///
    /// # Errors
    /// The database's.
    pub async fn read_all<C: ConnectionTrait>(place: &RowPlace, db: &C) -> Result<Vec<Self>> {
        let sql = CONTENTS.replace("{is_hidden}", &is_hidden("'*', 'r'"));
        let rows = read(&sql, [place.name().into()], ["relation"], db).await?;
        let parsed = rows.into_iter().map(|[relation]| {
            serde_json::from_str(&relation.unwrap_or_default())
                .map_err(|error| DbErr::Json(error.to_string()).into())
        });
        parsed.collect()
    }

    /// Its place and who asks, where rows may be hidden.
    pub fn hidden(&self) -> Option<(&str, &str)> {
        self.is_hidden.then_some((&self.place, &self.role))
    }

    /// What to select its rows from: a table without those that inherit from it, which stand for themselves.
    pub fn rows(&self) -> String {
        match self.kind {
            Kind::Partitioned => self.place.clone(),
            Kind::Table | Kind::Sequence => format!("ONLY {}", self.place),
        }
    }

    /// Its columns as texts, but for the stamps of entities: when, and by whom, a row was written.
    pub fn texts(&self) -> String {
        let stamps = stamps(&self.name);
        let columns = self.columns.iter();
        let columns = columns.filter(|name| !stamps.contains(&name.as_str()));
        let texts = columns.map(|name| format!("{}::text", quote(name)));
        texts.collect::<Vec<_>>().join(", ")
    }

    /// Whether a sequence has given more than the other one.
    pub fn is_beyond(&self, other: Option<&Self>) -> bool {
        let other = other.and_then(|other| other.last);
        match (self.last, other) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(last), Some(other)) if self.descends => last < other,
            (Some(last), Some(other)) => last > other,
        }
    }
}

fn stamps(table: &str) -> Vec<&'static str> {
    let entities = descriptions().filter(|it| it.schema.is_none() && it.table == table);
    let features = entities.map(|entity| &entity.features);
    features
        .flat_map(|it| {
            let times = it.timestamps.map(|it| [it.created_at, it.updated_at]);
            let writers = it
                .audit
                .map(|it| [it.created_by, it.updated_by, it.request_id]);
            let writers = writers.into_iter().flatten();
            times.into_iter().flatten().chain(writers)
        })
        .collect()
}

/// Refuses a schema whose rows cannot all be read, table by table.
///
/// # Errors
/// [`TenancyError::HiddenRows`]; the database's.
pub async fn refuse_hidden_rows<C: ConnectionTrait>(schema: &SchemaName, db: &C) -> Result<()> {
    let relations = Relation::read_all(&RowPlace::from(schema.clone()), db).await?;
    // Who reads a partition by itself is bound by its policies, not by those of its table.
    refuse_hidden(
        relations
            .iter()
            .filter(|it| it.kind == Kind::Table)
            .filter_map(Relation::hidden),
    )
}
