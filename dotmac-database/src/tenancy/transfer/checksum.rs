//! How many rows a tenant has in each table, and a checksum over all their values.

use std::collections::BTreeMap;

use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};

use super::side::{Side, immovable};
use crate::error::Result;
use crate::ident::literal;
use crate::tenancy::clone::read;

/// Number and checksum of a tenant's rows, by table: equal where the rows are, in any database of the same
/// kind of machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Checksums(BTreeMap<String, String>);

impl Checksums {
    /// Takes them.
    ///
    /// # Errors
    /// The database's.
    pub async fn take<'s, C: ConnectionTrait>(
        sides: impl IntoIterator<Item = &'s Side>,
        tx: &C,
    ) -> Result<Self> {
        let rows = read(&query(sides), [], ["name", "rows"], tx).await?;
        Ok(rows
            .into_iter()
            .map(|[name, rows]| (name.unwrap_or_default(), rows.unwrap_or_default()))
            .collect())
    }

    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        self.0.values().map(|it| count(it)).sum()
    }

    /// Refuses a tenant that has any.
    ///
    /// # Errors
    /// [`TenancyError::NotClonable`](crate::TenancyError::NotClonable), for the first table.
    pub fn refuse_any(&self, reason: &str) -> Result<()> {
        match self.0.iter().find(|(_, rows)| count(rows) > 0) {
            Some((table, _)) => Err(immovable(table, reason)),
            None => Ok(()),
        }
    }

    /// Refuses others.
    ///
    /// # Errors
    /// [`TenancyError::NotClonable`](crate::TenancyError::NotClonable), for the first table that differs.
    pub fn verify(&self, other: &Self, reason: &str) -> Result<()> {
        let tables = self.0.keys().chain(other.0.keys());
        let differs = |table: &&String| self.0.get(*table) != other.0.get(*table);
        match tables.into_iter().find(differs) {
            Some(table) => Err(immovable(table, reason)),
            None => Ok(()),
        }
    }
}

impl FromIterator<(String, String)> for Checksums {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(tables: I) -> Self {
        Checksums(tables.into_iter().collect())
    }
}

/// The query of `name` and `rows`.
pub fn query<'s>(sides: impl IntoIterator<Item = &'s Side>) -> String {
    let row = |side: &Side| {
        format!(
            "SELECT {} AS name, (SELECT count(*) || ' ' || \
             coalesce(sum(hashtextextended(ROW({})::text, 0)), 0) FROM {} WHERE {}) AS rows",
            literal(&side.name),
            side.texts(),
            side.place,
            side.condition(),
        )
    };
    let rows: Vec<String> = sides.into_iter().map(row).collect();
    rows.join(" UNION ALL ")
}

fn count(rows: &str) -> u64 {
    let count = rows.split(' ').next();
    count.and_then(|it| it.parse().ok()).unwrap_or_default()
}
