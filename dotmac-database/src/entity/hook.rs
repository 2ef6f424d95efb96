//! The hooks that the macros give an entity: stamps, and on SQLite a look at whose row it is.

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityName,
    EntityTrait, Iterable, PrimaryKeyToColumn,
};

use super::feature::Featured;
use super::stamp::{self, table};
use crate::context::context_of;
use crate::error::Error;

/// Stamps a row that is about to be inserted or updated.
///
/// # Errors
/// As [`stamp::before_save`]; [`DbErr::RecordNotUpdated`] on SQLite for a row of another tenant.
pub async fn before_save<A, C>(row: A, db: &C, insert: bool) -> Result<A, DbErr>
where
    A: ActiveModelTrait,
    A::Entity: Featured,
    C: ConnectionTrait,
{
    let row = stamp::before_save(row, db, insert)?;
    if !insert && !is_own(&row, db).await? {
        return Err(DbErr::RecordNotUpdated);
    }
    Ok(row)
}

/// Checks a row that SeaORM is about to remove for good.
///
/// # Errors
/// As [`stamp::before_delete`]; [`DbErr::RecordNotFound`] on SQLite for a row of another tenant.
pub async fn before_delete<A, C>(row: A, db: &C) -> Result<A, DbErr>
where
    A: ActiveModelTrait,
    A::Entity: Featured,
    C: ConnectionTrait,
{
    let row = stamp::before_delete(row, db)?;
    if !is_own(&row, db).await? {
        let entity = table::<A>();
        return Err(DbErr::RecordNotFound(format!("a row of `{entity}`")));
    }
    Ok(row)
}

/// Whether no other tenant has a row of this key. On SQLite SeaORM's statement would reach it: it
/// asks for the key alone, and no policy stands behind it. A row that does not exist is told by
/// SeaORM itself.
async fn is_own<A, C>(row: &A, db: &C) -> Result<bool, DbErr>
where
    A: ActiveModelTrait,
    A::Entity: Featured,
    C: ConnectionTrait,
{
    let Some(tenant) = <A::Entity as Featured>::FEATURES.tenant else {
        return Ok(true);
    };
    if db.get_database_backend() != DbBackend::Sqlite {
        return Ok(true);
    }
    let context = context_of(db).ok_or_else(|| Error::OutsideSession {
        entity: table::<A>(),
    })?;
    let Some(id) = context.reach(table::<A>)? else {
        return Ok(true);
    };
    let mut foreign = Query::select();
    foreign
        .expr(Expr::val(1))
        .from(A::Entity::default().table_ref())
        .and_where(tenant.tenant_id.ne(tenant.kind.value(id)?));
    for key in <A::Entity as EntityTrait>::PrimaryKey::iter() {
        let column = key.into_column();
        match row.get(column) {
            ActiveValue::Set(value) | ActiveValue::Unchanged(value) => {
                foreign.and_where(column.eq(value));
            }
            // SeaORM refuses a row without its key.
            ActiveValue::NotSet => return Ok(true),
        }
    }
    Ok(db.query_one(&foreign).await?.is_none())
}
