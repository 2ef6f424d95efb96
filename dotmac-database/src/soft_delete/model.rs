//! What a row of a soft-deletable entity can do.

use async_trait::async_trait;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, Iterable, ModelTrait, PrimaryKeyToColumn,
    QueryFilter,
};

use super::mark::{SoftDeleteMany, restoring, returning};
use crate::entity::SoftDelete;
use crate::entity::version::{Among, Read};

/// A row of a soft-deletable entity.
#[async_trait]
pub trait SoftDeleteModel: ModelTrait {
    /// Whether the row was deleted when it was read.
    fn is_deleted(&self) -> bool;

    /// Marks the row as deleted and returns it as it is then. Unlike `delete` it runs no hooks.
    ///
    /// # Errors
    /// [`DbErr::RecordNotUpdated`] where there is no such live row;
    /// [`Error::StaleVersion`](crate::Error::StaleVersion) where it was changed since it was read;
    /// otherwise as [`SoftDeleteMany::exec`].
    async fn soft_delete<C: ConnectionTrait>(self, db: &C) -> Result<Self, DbErr>;

    /// Takes the mark off and returns the row as it is then.
    ///
    /// # Errors
    /// [`DbErr::RecordNotUpdated`] where there is no such deleted row;
    /// [`Error::StaleVersion`](crate::Error::StaleVersion) where it was changed since it was read; a
    /// unique violation
    /// ([`ErrorKind::Unique`](crate::ErrorKind::Unique)) where its place was taken meanwhile.
    async fn restore<C: ConnectionTrait>(self, db: &C) -> Result<Self, DbErr>;
}

#[async_trait]
impl<M> SoftDeleteModel for M
where
    M: ModelTrait,
    M::Entity: SoftDelete + EntityTrait<Model = M>,
{
    fn is_deleted(&self) -> bool {
        let deleted_at = self.get(<M::Entity as SoftDelete>::MARKS.deleted_at);
        deleted_at != deleted_at.as_null()
    }

    async fn soft_delete<C: ConnectionTrait>(self, db: &C) -> Result<Self, DbErr> {
        let read = Read::if_versioned(|column| Some(self.get(column)));
        let mut mark = SoftDeleteMany::<M::Entity>::new().unless_changed(read);
        for key in <M::Entity as EntityTrait>::PrimaryKey::iter() {
            let column = key.into_column();
            mark = mark.filter(column.eq(self.get(column)));
        }
        one(mark.exec_with_returning(db).await?)
    }

    async fn restore<C: ConnectionTrait>(self, db: &C) -> Result<Self, DbErr> {
        let read = Read::<M::Entity>::if_versioned(|column| Some(self.get(column)))?;
        let query = restoring::<M::Entity, C>(&self, read.as_ref(), db)?;
        let rows = returning::<M::Entity, C>(query, db).await?;
        if let (Some(read), true) = (read, rows.is_empty()) {
            read.check_gone(Among::All, db).await?;
        }
        one(rows)
    }
}

fn one<M>(rows: Vec<M>) -> Result<M, DbErr> {
    rows.into_iter().next().ok_or(DbErr::RecordNotUpdated)
}
