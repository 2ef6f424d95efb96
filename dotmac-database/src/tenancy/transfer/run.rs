//! Copies the rows of a tenant within a database, and removes them where they were.

use sea_orm::{ConnectionTrait, TransactionSession, TransactionTrait};

use super::checksum::Checksums;
use super::place::RowPlace;
use super::plan::{Table, paired};
use super::side::{Side, lock};
use super::taking::remove;
use crate::context::TenantId;
use crate::error::Result;
use crate::tenancy::clone::{Scene, postgres_only};

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
    let targets = || tables.iter().map(|table| &table.target);
    let found = Checksums::take(targets(), &tx).await?;
    found.refuse_any(&format!("schema \"{to}\" has rows of the tenant already"))?;
    let mut statements = vec!["SET CONSTRAINTS ALL DEFERRED".to_owned()];
    statements.extend(targets().flat_map(|target| target.off.clone()));
    statements.extend(tables.iter().map(|Table { source, target }| {
        format!(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {} WHERE {}",
            target.place,
            target.columns(),
            target.expressions(),
            source.place,
            source.condition(),
        )
    }));
    // Foreign keys that wait for the commit would forbid a change of the tables.
    statements.push("SET CONSTRAINTS ALL IMMEDIATE".to_owned());
    statements.extend(targets().flat_map(|target| target.on.clone()));
    let sequels = tables.iter().map(|it| it.target.sequels(&it.source));
    statements.extend(sequels.flatten());
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
    let sources: Vec<Side> = tables.iter().map(|table| table.source.clone()).collect();
    remove(&sources, &tx).await?;
    scene.leave(&tx).await?;
    tx.commit().await?;
    Ok(Transferred {
        tables: tables.len(),
        rows,
    })
}

/// The tables, with nobody left who writes to them.
async fn locked<C: ConnectionTrait>(
    tenant: &TenantId,
    from: &RowPlace,
    to: &RowPlace,
    tx: &C,
) -> Result<Vec<Table>> {
    let tables = both(tenant, from, to, tx).await?;
    let sides = tables.iter().flat_map(|it| [&it.source, &it.target]);
    tx.execute_unprepared(&lock(sides, "SHARE ROW EXCLUSIVE"))
        .await?;
    // What was read of columns and triggers has to be true now.
    both(tenant, from, to, tx).await
}

async fn both<C: ConnectionTrait>(
    tenant: &TenantId,
    from: &RowPlace,
    to: &RowPlace,
    tx: &C,
) -> Result<Vec<Table>> {
    let sources = Side::read_all(tenant, from, tx).await?;
    let targets = Side::read_all(tenant, to, tx).await?;
    paired(from, sources, to, targets)
}

/// Makes sure that both sides have the same rows, and tells how many.
async fn verified<C: ConnectionTrait>(tables: &[Table], tx: &C) -> Result<u64> {
    let sources = Checksums::take(tables.iter().map(|it| &it.source), tx).await?;
    let targets = Checksums::take(tables.iter().map(|it| &it.target), tx).await?;
    sources.verify(
        &targets,
        "the rows of the tenant are not the same on both sides",
    )?;
    Ok(sources.rows())
}
