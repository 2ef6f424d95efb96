//! The column in which rows remember the lock that they were written under.

use sea_orm::IdenStatic;
use sea_orm_migration::SchemaManager;

use super::alter::add_column_with_value;
use crate::error::Result;
use crate::lock::{Fenced, check_fence};

/// Adds the fence column of an entity to its table, where the table does not have it: rows that exist can be
/// written under any lock. [`drop_column`](super::drop_column) is the way down.
///
/// A table that [`create_table`](super::create_table) makes has it already.
///
/// # Errors
/// [`LockError::NullableFence`](crate::LockError::NullableFence) where the entity lets the column be NULL; the
/// database's.
pub async fn add_fence<E: Fenced>(manager: &SchemaManager<'_>) -> Result<()> {
    check_fence::<E>()?;
    add_column_with_value::<E>(manager, E::FENCE.as_str(), 0_i64).await
}
