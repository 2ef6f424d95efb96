//! Copies the rows of a tenant, and removes them where they were.

use sea_orm::{ConnectionTrait, TransactionSession, TransactionTrait};

use super::place::RowPlace;
use super::plan::{Table, immovable, plan};
use crate::context::TenantId;
use crate::error::Result;
use crate::ident::literal;
use crate::tenancy::clone::{Scene, postgres_only, read};

/// What was copied or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transferred {
    /// How many tables were looked at.
    pub tables: usize,
    /// How many rows of the tenant they have.
    pub rows: u64,
}

/// Copies the rows of a tenant to the tables of another schema of the same database, and verifies them.
///
/// These are the tables of the program's tenant-aware entities that the source has, in the order of
/// their foreign keys. Triggers do not fire: stamps and marks of deletion stay. Sequences of the target
/// are brought past the rows. The target has to have the tables already
/// ([`clone_schema`](crate::tenancy::clone_schema)), and no rows of the tenant.
///
/// The connection is the migrator's, which owns the tables and sees all rows.
///
/// # Guarantees
/// Either all rows are there, equal in number and in a checksum over all values of each table, or none;
/// all happens in one transaction, or in a savepoint of the one that is given. Until it ends, nobody writes
/// to the tables, whatever the tenant; afterwards, nothing keeps the tenant from writing to the source:
/// suspend it first.
///
/// # Errors
/// [`TenancyError::NotClonable`](crate::TenancyError::NotClonable) with the name of the table, where the
/// target lacks it, has other columns or rows of the tenant, or a policy may hide rows; a violated
/// constraint, for instance where a row refers to one that is not moved;
/// [`Error::Unsupported`](crate::Error::Unsupported) on SQLite; the database's.
///
/// # Cancel safety
/// A future that is dropped leaves nothing, or everything where the commit was under way.
pub async fn copy_rows<C>(
    tenant: &TenantId,
    from: &RowPlace,
    to: &RowPlace,
    db: &C,
) -> Result<Transferred>
where
    C: ConnectionTrait + TransactionTrait,
{
    postgres_only(db)?;
    let tx = db.begin().await?;
    let scene = Scene::set(&tx).await?;
    let tables = locked(tenant, from, to, &tx).await?;
    for [table, _, found] in fingerprints(&tables, &tx).await? {
        if found.is_some_and(|found| !found.starts_with("0 ")) {
            let reason = format!("schema \"{to}\" has rows of the tenant already");
            return Err(immovable(&table.unwrap_or_default(), reason));
        }
    }
    let mut statements = vec!["SET CONSTRAINTS ALL DEFERRED".to_owned()];
    statements.extend(tables.iter().filter_map(|table| table.target_off.clone()));
    statements.extend(tables.iter().map(|table| {
        format!(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {} WHERE {}",
            table.target, table.columns, table.expressions, table.source, table.condition,
        )
    }));
    // Foreign keys that wait for the commit would forbid a change of the tables.
    statements.push("SET CONSTRAINTS ALL IMMEDIATE".to_owned());
    statements.extend(tables.iter().filter_map(|table| table.target_on.clone()));
    statements.extend(tables.iter().filter_map(|table| table.sequences.clone()));
    tx.execute_unprepared(&statements.join(";")).await?;
    let rows = verified(&tables, &tx).await?;
    scene.leave(&tx).await?;
    tx.commit().await?;
    Ok(Transferred {
        tables: tables.len(),
        rows,
    })
}

/// Removes the rows of a tenant from a schema, after it has verified that another one has the same.
///
/// The guard of soft delete does not fire: the rows are gone for good.
///
/// # Guarantees
/// As [`copy_rows`]. Where a row was written on either side since the copy, nothing is removed.
///
/// # Errors
/// [`TenancyError::NotClonable`](crate::TenancyError::NotClonable) with the name of the table whose rows are
/// not the same on both sides, or whose removal would change rows of a table that is not moved; otherwise
/// as [`copy_rows`].
///
/// # Cancel safety
/// As [`copy_rows`].
pub async fn remove_rows<C>(
    tenant: &TenantId,
    from: &RowPlace,
    kept: &RowPlace,
    db: &C,
) -> Result<Transferred>
where
    C: ConnectionTrait + TransactionTrait,
{
    postgres_only(db)?;
    let tx = db.begin().await?;
    let scene = Scene::set(&tx).await?;
    let tables = locked(tenant, from, kept, &tx).await?;
    let rows = verified(&tables, &tx).await?;
    let mut statements = vec!["SET CONSTRAINTS ALL DEFERRED".to_owned()];
    statements.extend(tables.iter().filter_map(|table| table.source_off.clone()));
    let delete = |table: &Table| format!("DELETE FROM {} WHERE {}", table.source, table.condition);
    statements.extend(tables.iter().rev().map(delete));
    statements.push("SET CONSTRAINTS ALL IMMEDIATE".to_owned());
    statements.extend(tables.iter().filter_map(|table| table.source_on.clone()));
    tx.execute_unprepared(&statements.join(";")).await?;
    for [table, left, _] in fingerprints(&tables, &tx).await? {
        if left.is_some_and(|left| !left.starts_with("0 ")) {
            let reason = "rows of the tenant could not be removed".to_owned();
            return Err(immovable(&table.unwrap_or_default(), reason));
        }
    }
    scene.leave(&tx).await?;
    tx.commit().await?;
    Ok(Transferred {
        tables: tables.len(),
        rows,
    })
}

/// The plan, with nobody left who writes to the tables.
async fn locked<C: ConnectionTrait>(
    tenant: &TenantId,
    from: &RowPlace,
    to: &RowPlace,
    tx: &C,
) -> Result<Vec<Table>> {
    let tables = plan(tenant, from, to, tx).await?;
    if tables.is_empty() {
        return Err(immovable(
            "*",
            format!("schema \"{from}\" has no table of a tenant"),
        ));
    }
    let mut names: Vec<&str> = tables
        .iter()
        .flat_map(|table| [table.source.as_str(), table.target.as_str()])
        .collect();
    names.sort_unstable();
    let lock = format!(
        "LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE",
        names.join(", ")
    );
    tx.execute_unprepared(&lock).await?;
    // What it says of columns and triggers has to be true now.
    plan(tenant, from, to, tx).await
}

/// Each table with the number of the tenant's rows and a checksum over them, in the source and in the
/// target.
async fn fingerprints<C: ConnectionTrait>(
    tables: &[Table],
    tx: &C,
) -> Result<Vec<[Option<String>; 3]>> {
    let of = |place: &str, table: &Table| {
        format!(
            "(SELECT count(*) || ' ' || coalesce(sum(hashtextextended(ROW({})::text, 0)), 0) \
             FROM {place} WHERE {})",
            table.texts, table.condition,
        )
    };
    let row = |table: &Table| {
        format!(
            "SELECT {} AS name, {} AS source, {} AS target",
            literal(&table.name),
            of(&table.source, table),
            of(&table.target, table),
        )
    };
    let rows: Vec<String> = tables.iter().map(row).collect();
    read(
        &rows.join(" UNION ALL "),
        [],
        ["name", "source", "target"],
        tx,
    )
    .await
}

/// Makes sure that both sides have the same rows, and tells how many.
async fn verified<C: ConnectionTrait>(tables: &[Table], tx: &C) -> Result<u64> {
    let mut sum = 0;
    for [table, source, target] in fingerprints(tables, tx).await? {
        if source != target {
            let reason = "the rows of the tenant are not the same on both sides".to_owned();
            return Err(immovable(&table.unwrap_or_default(), reason));
        }
        let count = source.as_deref().and_then(|it| it.split(' ').next());
        sum += count
            .and_then(|it| it.parse::<u64>().ok())
            .unwrap_or_default();
    }
    Ok(sum)
}
