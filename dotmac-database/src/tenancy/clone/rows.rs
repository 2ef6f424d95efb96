//! The rows of a schema, copied to another one.

use sea_orm::{ConnectionTrait, Value};

use super::catalog::{parameter, read};
use super::refusal::not_clonable;
use crate::context::{SchemaName, TENANT_SETTING};
use crate::error::Result;
use crate::ident::quote;

const ROWS: &str = include_str!("sql/rows.sql");

/// The statements that copy rows.
pub struct Copying {
    copies: Vec<String>,
    counts: Vec<String>,
}

impl Copying {
    /// Reads them, with the original first in the search path: for the rows and the values of the
    /// sequences, or only for the record of migrations.
    ///
    /// A tenant's rows in the copy that is a tenant's schema are those of that tenant.
    pub async fn read<C: ConnectionTrait>(
        from: &SchemaName,
        to: &SchemaName,
        all: bool,
        tx: &C,
    ) -> Result<Self> {
        let tenant = to.tenant().map(|tenant| tenant.to_string());
        let parameters: [Value; 5] = [
            parameter(from),
            parameter(to),
            tenant.into(),
            format!(r"current_setting\('{}'", TENANT_SETTING.replace('.', r"\.")).into(),
            all.into(),
        ];
        let (mut copies, mut counts) = (Vec::new(), Vec::new());
        for [copy, count] in read(ROWS, parameters, ["copy", "count"], tx).await? {
            copies.extend(copy);
            counts.extend(count);
        }
        Ok(Copying { copies, counts })
    }

    /// Runs them, with the copy first in the search path, and tells how many rows there are.
    pub async fn run<C: ConnectionTrait>(&self, tx: &C) -> Result<u64> {
        if self.copies.is_empty() {
            return Ok(0);
        }
        tx.execute_unprepared(&self.copies.join(";")).await?;
        verify_counts(&self.counts, tx).await
    }
}

/// Where a policy, a rule or a trigger took rows from the way, the counts differ.
async fn verify_counts<C: ConnectionTrait>(counts: &[String], tx: &C) -> Result<u64> {
    if counts.is_empty() {
        return Ok(0);
    }
    let sql = counts.join(" UNION ALL ");
    let mut sum = 0;
    for [table, wanted, found] in read(&sql, [], ["name", "wanted", "found"], tx).await? {
        if wanted != found {
            let [wanted, found] = [wanted, found].map(Option::unwrap_or_default);
            let table = format!("table {}", quote(&table.unwrap_or_default()));
            let reason = format!("it has {wanted} rows, {found} were copied");
            return Err(not_clonable(table, reason));
        }
        sum += found
            .and_then(|count| count.parse::<u64>().ok())
            .unwrap_or_default();
    }
    Ok(sum)
}
