//! Takes the rows of a tenant out of a schema, for good.

use sea_orm::ConnectionTrait;

use super::checksum::Checksums;
use super::place::RowPlace;
use super::plan::{hiding, reaching};
use super::side::{Side, immovable, lock};
use crate::context::TenantId;
use crate::error::Result;
use crate::tenancy::clone::Scene;

/// What rows have to be to be removed.
#[derive(Debug, Clone, Copy)]
pub enum Expected<'c> {
    /// Whatever they are.
    Any,
    /// Those that were copied.
    These(&'c Checksums),
    /// Those that were copied, or none: an attempt that nobody heard of has removed them.
    TheseOrNone(&'c Checksums),
}

/// Removes the rows of a tenant, if they are what they have to be: all of them or, with the transaction that
/// is given, none. Until that ends, nobody writes to the tables.
///
/// # Errors
/// [`TenancyError::NotClonable`](crate::TenancyError::NotClonable) with the name of a table that was written
/// to since, or whose rows may be hidden or have others with them; the database's.
pub async fn take_away<C: ConnectionTrait>(
    tenant: &TenantId,
    from: &RowPlace,
    expected: Expected<'_>,
    tx: &C,
) -> Result<()> {
    let scene = Scene::set(tx).await?;
    let sides = locked(tenant, from, tx).await?;
    if !sides.is_empty() {
        let found = Checksums::take(&sides, tx).await?;
        let reason = "rows of the tenant were written here since they were copied";
        match expected {
            Expected::These(copied) => copied.verify(&found, reason)?,
            Expected::TheseOrNone(copied) if found.rows() > 0 => copied.verify(&found, reason)?,
            Expected::TheseOrNone(_) | Expected::Any => {}
        }
        remove(&sides, tx).await?;
    }
    scene.leave(tx).await
}

/// The tables, with nobody left who writes to them.
async fn locked<C: ConnectionTrait>(
    tenant: &TenantId,
    from: &RowPlace,
    tx: &C,
) -> Result<Vec<Side>> {
    let sides = Side::read_all(tenant, from, tx).await?;
    if sides.is_empty() {
        return Ok(sides);
    }
    tx.execute_unprepared(&lock(&sides, "SHARE ROW EXCLUSIVE"))
        .await?;
    let sides = Side::read_all(tenant, from, tx).await?;
    for side in &sides {
        if let Some(reason) = hiding([side]).or_else(|| reaching(side)) {
            return Err(immovable(&side.name, reason));
        }
    }
    Ok(sides)
}

/// Removes the tenant's rows from tables that are locked, and makes sure that they are gone.
///
/// # Errors
/// [`TenancyError::NotClonable`](crate::TenancyError::NotClonable); the database's.
pub async fn remove<C: ConnectionTrait>(sides: &[Side], tx: &C) -> Result<()> {
    let mut statements = vec!["SET CONSTRAINTS ALL DEFERRED".to_owned()];
    statements.extend(sides.iter().flat_map(|side| side.off.clone()));
    statements.extend(sides.iter().rev().map(Side::delete));
    // Foreign keys that wait for the commit would forbid a change of the tables.
    statements.push("SET CONSTRAINTS ALL IMMEDIATE".to_owned());
    statements.extend(sides.iter().flat_map(|side| side.on.clone()));
    tx.execute_unprepared(&statements.join(";")).await?;
    let left = Checksums::take(sides, tx).await?;
    left.refuse_any("rows of the tenant could not be removed")
}
