//! Optimistic locking: one UPDATE or DELETE that asks for the version that was read.
//!
//! Inherent functions on the entity's `ActiveModel` come here, also from inside the code that SeaORM
//! generates. Generic code, which reaches SeaORM's own functions, is held by the hook and the trigger:
//! it gets the same error, from the database.

use sea_orm::sea_query::{Condition, Expr, ExprTrait};
use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ActiveValue, ColumnTrait, ConnectionTrait, DbErr,
    DeleteResult, EntityName, EntityTrait, IntoActiveModel, Iterable, PrimaryKeyToColumn,
    QueryFilter, QuerySelect, Select, UpdateMany, UpdateResult, Value,
};

use super::ability::Versioned;
use super::registry::description;
use super::scope;
use crate::context::context_of;
use crate::error::Error;

/// A row as it was read: its key, and its version.
#[derive(Debug, Clone)]
pub struct Read<E: EntityTrait> {
    key: Vec<(E::Column, Value)>,
    column: E::Column,
    version: i32,
}

/// Whose rows are looked at for the version that a row has now.
#[derive(Debug, Clone, Copy)]
pub enum Among {
    /// Those that `find()` shows.
    Found,
    /// All, the deleted ones too.
    All,
}

/// Updates the row unless it was changed since it was read.
///
/// # Errors
/// [`Error::StaleVersion`]; [`DbErr::RecordNotUpdated`] where the row is gone.
pub async fn update<A, C>(row: A, db: &C) -> Result<<A::Entity as EntityTrait>::Model, DbErr>
where
    A: ActiveModelBehavior + Send,
    A::Entity: Versioned,
    <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
    C: ConnectionTrait,
{
    let read = Read::of(&row)?;
    let row = A::before_save(row, db, false).await?;
    let updated = if row.is_changed() {
        let update = A::Entity::update(row).validate()?;
        update.filter(read.is_ours(db)?).exec(db).await
    } else {
        // SeaORM would look for the key alone.
        let select = A::Entity::find()
            .filter(read.has_key())
            .filter(read.is_own(db)?);
        let found = select.one(db).await?;
        found.ok_or(DbErr::RecordNotUpdated)
    };
    let updated = match updated {
        Err(DbErr::RecordNotUpdated) => return Err(read.lost(Among::Found, db).await),
        updated => updated?,
    };
    A::after_save(updated, db, false).await
}

/// As [`update`], without the row in return.
///
/// # Errors
/// As [`update`].
pub async fn update_without_returning<A, C>(row: A, db: &C) -> Result<UpdateResult, DbErr>
where
    A: ActiveModelBehavior + Send,
    A::Entity: Versioned,
    C: ConnectionTrait,
{
    let read = Read::of(&row)?;
    let row = A::before_save(row, db, false).await?;
    let update = A::Entity::update(row).validate()?.filter(read.is_ours(db)?);
    match update.exec_without_returning(db).await {
        Err(DbErr::RecordNotUpdated) => Err(read.lost(Among::Found, db).await),
        updated => updated,
    }
}

/// Inserts the row if its key is not set, and updates it otherwise.
///
/// # Errors
/// As [`update`], and the database's.
pub async fn save<A, C>(row: A, db: &C) -> Result<A, DbErr>
where
    A: ActiveModelBehavior + Send,
    A::Entity: Versioned,
    <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
    C: ConnectionTrait,
{
    let saved = match row.is_update() {
        true => update(row, db).await?,
        false => row.insert(db).await?,
    };
    Ok(saved.into_active_model())
}

/// Deletes the row for good unless it was changed since it was read.
///
/// # Errors
/// [`Error::StaleVersion`].
pub async fn delete<A, C>(row: A, db: &C) -> Result<DeleteResult, DbErr>
where
    A: ActiveModelBehavior + Send,
    A::Entity: Versioned,
    C: ConnectionTrait,
{
    let read = Read::of(&row)?;
    let row = A::before_delete(row, db).await?;
    let delete = A::Entity::delete(row.clone()).validate()?;
    let deleted = delete.filter(read.is_ours(db)?).exec(db).await?;
    if deleted.rows_affected == 0 {
        read.check_gone(Among::Found, db).await?;
    }
    A::after_delete(row, db).await?;
    Ok(deleted)
}

impl<E: EntityTrait> Read<E> {
    /// The row of an active model of a versioned entity.
    ///
    /// # Errors
    /// [`Error::MissingVersion`] where it says no version.
    pub fn of<A>(row: &A) -> Result<Self, DbErr>
    where
        A: ActiveModelTrait<Entity = E>,
        E: Versioned,
    {
        Self::at(E::VERSION, |column| match row.get(column) {
            ActiveValue::Set(value) | ActiveValue::Unchanged(value) => Some(value),
            ActiveValue::NotSet => None,
        })
    }

    /// The row whose values `value` tells, where the entity has a version at all.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn if_versioned(value: impl Fn(E::Column) -> Option<Value>) -> Result<Option<Self>, DbErr> {
        let name = description::<E>().and_then(|entity| entity.features.version);
        let column = name.and_then(|name| {
            E::Column::iter().find(|column| sea_orm::IdenStatic::as_str(column) == name)
        });
        column.map(|column| Self::at(column, value)).transpose()
    }

    fn at(column: E::Column, value: impl Fn(E::Column) -> Option<Value>) -> Result<Self, DbErr> {
        let Some(Value::Int(Some(version))) = value(column) else {
            return Err(Error::MissingVersion {
                entity: table::<E>(),
            }
            .into());
        };
        let mut key = Vec::new();
        for part in E::PrimaryKey::iter() {
            let part = part.into_column();
            let value = value(part).ok_or(DbErr::PrimaryKeyNotSet {
                ctx: "a versioned row",
            })?;
            key.push((part, value));
        }
        Ok(Read {
            key,
            column,
            version,
        })
    }

    /// The condition that the row has the version that was read.
    pub fn is_current(&self) -> Expr {
        self.column.eq(self.version)
    }

    /// The condition that it is this row.
    fn has_key(&self) -> Condition {
        let parts = self.key.iter();
        parts.fold(Condition::all(), |all, (column, value)| {
            all.add(column.eq(value.clone()))
        })
    }

    /// The condition that the row is the session's own and has the version that was read.
    fn is_ours<C: ConnectionTrait>(&self, db: &C) -> Result<Condition, DbErr> {
        Ok(self.is_own(db)?.add(self.is_current()))
    }

    /// The condition that the row is of the session's tenant: on SQLite no policy stands for it.
    fn is_own<C: ConnectionTrait>(&self, db: &C) -> Result<Condition, DbErr> {
        let all = Condition::all();
        let Some(tenant) = description::<E>().and_then(|entity| entity.features.tenant) else {
            return Ok(all);
        };
        let context = context_of(db).ok_or_else(|| Error::OutsideSession {
            entity: table::<E>(),
        })?;
        let Some(id) = context.reach(table::<E>)? else {
            return Ok(all);
        };
        let column = Expr::col((E::default(), tenant.tenant_id));
        Ok(all.add(column.eq(tenant.kind.value(id)?)))
    }

    /// Why the statement matched no row.
    pub async fn lost<C: ConnectionTrait>(&self, among: Among, db: &C) -> DbErr {
        match self.check_gone(among, db).await {
            Ok(()) => DbErr::RecordNotUpdated,
            Err(error) => error,
        }
    }

    /// Asks for the version that the row has now, after a statement that matched none.
    ///
    /// # Errors
    /// [`Error::StaleVersion`] where the row is still there.
    pub async fn check_gone<C: ConnectionTrait>(&self, among: Among, db: &C) -> Result<(), DbErr> {
        let select: Select<E> = match among {
            Among::Found => E::find(),
            Among::All => scope::bare(),
        };
        let current: Option<i32> = select
            .filter(self.has_key())
            .filter(self.is_own(db)?)
            .select_only()
            .column(self.column)
            .into_tuple()
            .one(db)
            .await?;
        match current {
            None => Ok(()),
            Some(current) => Err(Error::StaleVersion {
                entity: table::<E>(),
                read: self.version,
                current,
            }
            .into()),
        }
    }
}

/// Optimistic locking for `update_many` of a versioned entity.
pub trait UpdateManyVersioned: Sized {
    /// Updates only the rows that have this version, and counts it up.
    ///
    /// `rows_affected` tells how many rows still had it.
    fn at_version(self, version: i32) -> Self;

    /// Counts the version up, so that whoever read the rows before learns of the change.
    ///
    /// On PostgreSQL the trigger does so for every statement; on SQLite only this does.
    fn next_version(self) -> Self;
}

impl<E: Versioned> UpdateManyVersioned for UpdateMany<E> {
    fn at_version(self, version: i32) -> Self {
        self.filter(E::VERSION.eq(version)).next_version()
    }

    fn next_version(self) -> Self {
        self.col_expr(E::VERSION, next::<E>(E::VERSION))
    }
}

/// The version after this one.
pub fn next<E: EntityTrait>(column: impl sea_orm::sea_query::IntoIden) -> Expr {
    Expr::col((E::default(), column.into_iden())).add(1)
}

fn table<E: EntityTrait>() -> String {
    EntityName::table_name(&E::default()).to_owned()
}
