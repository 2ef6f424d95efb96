//! Writes that only the present holder of a lock can make: each row remembers under which number it was written.

use async_trait::async_trait;
use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait};
use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ActiveValue, ColumnTrait, ConnectionTrait, DbErr,
    EntityName, EntityTrait, IdenStatic, IntoActiveModel, QueryFilter, QueryTrait, UpdateMany,
};

use super::fence::Fence;
use crate::entity::version::{Among, Read};
use crate::error::{Error, LockError, Result};

/// An entity whose rows remember the fence of the lock under which they were written: in a column of type
/// `i64`, for rows that were never written under a lock 0.
///
/// ```
/// # mod order {
/// # use dotmac_database::prelude::*;
/// use dotmac_database::lock::Fenced;
///
/// #[dotmac_database::model]
/// #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, TenantAware)]
/// #[sea_orm(table_name = "orders")]
/// pub struct Model {
///     pub number: String,
///     #[sea_orm(default_value = 0)]
///     pub fence: i64,
/// }
///
/// impl Fenced for Entity {
///     const FENCE: Column = Column::Fence;
/// }
/// # }
/// ```
///
/// For a table that exists, [`migrate::add_fence`](crate::migrate::add_fence) adds the column.
///
/// # Guarantees
/// - [`at_fence`](UpdateManyFenced::at_fence) and [`update_at_fence`](UpdateFenced::update_at_fence) change rows
///   that were last written under the same number or a smaller one. Where one was written under a greater number,
///   the statement changes no row and is [`LockError::StaleFence`], whatever the writer believes of its lock, and
///   however late it comes: the database refuses it, by the column's NOT NULL.
/// - As with every refused statement, nothing of the unit of work is committed then.
/// - Every other statement writes as ever: fence all that is to be kept from late writers. What the next holder
///   has not written yet, a late one can still write.
#[diagnostic::on_unimplemented(
    message = "rows of `{Self}` remember no fence",
    note = "give its `Model` a field `fence: i64`, and implement `dotmac_database::lock::Fenced` for the entity"
)]
pub trait Fenced: EntityTrait {
    /// The column; it must not be NULL.
    const FENCE: Self::Column;
}

/// Updates of many rows under a lock.
pub trait UpdateManyFenced: Sized {
    /// The entity whose rows are updated.
    type Entity: Fenced;

    /// Updates the rows in the name of the holder of this fence.
    fn at_fence(self, fence: Fence) -> FencedUpdateMany<Self::Entity>;
}

impl<E: Fenced> UpdateManyFenced for UpdateMany<E> {
    type Entity = E;

    fn at_fence(self, fence: Fence) -> FencedUpdateMany<E> {
        FencedUpdateMany {
            update: self.col_expr(E::FENCE, risen::<E>(fence)),
            fence,
        }
    }
}

/// An update of many rows that changes all of them, or none where one was written under a later fence.
#[derive(Debug, Clone)]
#[must_use = "a statement does nothing unless it is executed"]
pub struct FencedUpdateMany<E: EntityTrait> {
    update: UpdateMany<E>,
    fence: Fence,
}

impl<E: Fenced> FencedUpdateMany<E> {
    /// Updates the rows; returns how many they were.
    ///
    /// # Errors
    /// [`LockError::StaleFence`]; [`LockError::NullableFence`]; the database's.
    ///
    /// # Cancel safety
    /// As any statement.
    pub async fn exec<C: ConnectionTrait>(self, db: &C) -> Result<u64> {
        check::<E>()?;
        match self.update.exec(db).await {
            Ok(updated) => Ok(updated.rows_affected),
            Err(error) => Err(refused::<E>(self.fence, error)),
        }
    }
}

/// Updates of a row under a lock.
#[async_trait]
pub trait UpdateFenced: ActiveModelTrait {
    /// Updates the row in the name of the holder of this fence, with hooks, and returns it as it is then.
    ///
    /// The row of a versioned entity must have the version that was read, too.
    ///
    /// # Errors
    /// [`LockError::StaleFence`]; [`LockError::NullableFence`]; [`Error::StaleVersion`];
    /// [`DbErr::RecordNotUpdated`] where the row is gone; the database's.
    ///
    /// # Cancel safety
    /// As any statement.
    async fn update_at_fence<C: ConnectionTrait>(
        self,
        fence: Fence,
        db: &C,
    ) -> Result<<Self::Entity as EntityTrait>::Model>;
}

#[async_trait]
impl<A> UpdateFenced for A
where
    A: ActiveModelBehavior + Send,
    A::Entity: Fenced,
    <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
{
    async fn update_at_fence<C: ConnectionTrait>(
        self,
        fence: Fence,
        db: &C,
    ) -> Result<<A::Entity as EntityTrait>::Model> {
        check::<A::Entity>()?;
        let read = Read::<A::Entity>::if_versioned(|column| match self.get(column) {
            ActiveValue::Set(value) | ActiveValue::Unchanged(value) => Some(value),
            ActiveValue::NotSet => None,
        })?;
        let mut row = A::before_save(self, db, false).await?;
        row.not_set(A::Entity::FENCE);
        let mut update = A::Entity::update(row).validate()?;
        let risen = risen::<A::Entity>(fence);
        QueryTrait::query(&mut update).value(A::Entity::FENCE, risen);
        if let Some(read) = &read {
            update = update.filter(read.is_current());
        }
        let updated = match (update.exec(db).await, read) {
            (Err(DbErr::RecordNotUpdated), Some(read)) => {
                return Err(read.lost(Among::Found, db).await.into());
            }
            (updated, _) => updated.map_err(|error| refused::<A::Entity>(fence, error))?,
        };
        Ok(A::after_save(updated, db, false).await?)
    }
}

/// The fence that a row gets: NULL, which its column refuses, where it has a later one.
///
/// PostgreSQL computes it anew for a row that another transaction has just changed, so that no late writer
/// slips in between.
fn risen<E: Fenced>(fence: Fence) -> Expr {
    let number = fence.number();
    let is_not_later = Expr::col((E::default(), E::FENCE)).lte(number);
    CaseStatement::new()
        .case(is_not_later, number)
        .finally(Option::<i64>::None)
        .into()
}

/// Refuses an entity whose column would take NULL.
pub(crate) fn check<E: Fenced>() -> Result<()> {
    match E::FENCE.def().is_null() {
        true => Err(LockError::NullableFence {
            entity: table::<E>(),
        }
        .into()),
        false => Ok(()),
    }
}

fn refused<E: Fenced>(fence: Fence, error: DbErr) -> Error {
    let error = Error::from(error);
    match &error {
        Error::NotNull { violation, .. } if violation.columns == [E::FENCE.as_str()] => {
            LockError::StaleFence {
                entity: table::<E>(),
                fence: fence.number(),
            }
            .into()
        }
        _ => error,
    }
}

fn table<E: EntityTrait>() -> String {
    EntityName::table_name(&E::default()).to_owned()
}
