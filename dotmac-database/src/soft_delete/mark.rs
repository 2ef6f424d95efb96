//! The statement that marks rows as deleted, in the place of SeaORM's DELETE.

use sea_orm::sea_query::{
    Expr, ExprTrait, IntoIden, IntoValueTuple, Query, UpdateStatement, ValueTuple,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, ConnectionTrait, DbBackend, DbErr, DeleteResult,
    EntityTrait, FromQueryResult, Iterable, ModelTrait, PrimaryKeyToColumn, PrimaryKeyTrait,
    QueryFilter, Value,
};
use uuid::Uuid;

use crate::context::{RequestContext, context_of};
use crate::entity::version::{Among, Read, next};
use crate::entity::{SoftDelete, description, stamp};
use crate::error::Error;

/// Marks the rows that match as deleted, where they are not yet.
///
/// Takes filters as SeaORM's `DeleteMany` does. In a tenant-aware entity only rows of the session's
/// tenant match.
///
/// # Differences from SeaORM
/// The rows stay. Hooks do not run, as with SeaORM's `delete_many`; the database's triggers do.
#[derive(Debug, Clone)]
#[must_use = "a statement does nothing unless it is executed"]
pub struct SoftDeleteMany<E: EntityTrait> {
    query: UpdateStatement,
    refused: Option<DbErr>,
    /// The one row of a versioned entity.
    read: Option<Read<E>>,
}

impl<E: SoftDelete> SoftDeleteMany<E> {
    /// All live rows, until a filter is added.
    #[allow(
        clippy::new_without_default,
        reason = "a default that deletes everything misleads"
    )]
    pub fn new() -> Self {
        let mut query = Query::update();
        query
            .table(E::default().table_ref())
            .and_where(E::MARKS.deleted_at.is_null());
        SoftDeleteMany {
            query,
            refused: None,
            read: None,
        }
    }

    /// The row with this key.
    pub fn by_id<T>(key: T) -> Self
    where
        T: Into<<E::PrimaryKey as PrimaryKeyTrait>::ValueType>,
    {
        Self::new().by_key(key.into().into_value_tuple())
    }

    /// The row of this model.
    pub fn of<A>(model: &A) -> Self
    where
        A: ActiveModelTrait<Entity = E>,
    {
        let mut this = Self::new();
        for key in E::PrimaryKey::iter() {
            let column = key.into_column();
            match model.get(column) {
                ActiveValue::Set(value) | ActiveValue::Unchanged(value) => {
                    this = this.filter(column.eq(value));
                }
                ActiveValue::NotSet => {
                    this.refused = Some(DbErr::PrimaryKeyNotSet { ctx: "delete" });
                    return this;
                }
            }
        }
        this.unless_changed(Read::if_versioned(|column| model.get(column).into_value()))
    }

    /// Marks the row that was read only if it has the same version still.
    pub(super) fn unless_changed(mut self, read: Result<Option<Read<E>>, DbErr>) -> Self {
        match read {
            Ok(Some(read)) => {
                self = self.filter(read.is_current());
                self.read = Some(read);
            }
            Ok(None) => {}
            Err(error) => self.refused = Some(error),
        }
        self
    }

    /// Marks the rows.
    ///
    /// # Errors
    /// [`Error::OutsideSession`] or [`Error::MissingTenant`] for a tenant-aware entity;
    /// [`Error::StaleVersion`] for one row of a versioned entity; the database's.
    ///
    /// # Cancel safety
    /// As any statement of the session.
    pub async fn exec<C: ConnectionTrait>(self, db: &C) -> Result<DeleteResult, DbErr> {
        let read = self.read.clone();
        let query = self.marking(db)?;
        let mut deleted = DeleteResult::empty();
        deleted.rows_affected = db.execute(&query).await?.rows_affected();
        if let (Some(read), 0) = (read, deleted.rows_affected) {
            read.check_gone(Among::Found, db).await?;
        }
        Ok(deleted)
    }

    /// Marks the rows and returns them.
    ///
    /// # Errors
    /// As [`exec`](Self::exec).
    pub async fn exec_with_returning<C>(self, db: &C) -> Result<Vec<E::Model>, DbErr>
    where
        C: ConnectionTrait,
    {
        let read = self.read.clone();
        let query = self.marking(db)?;
        let rows = returning::<E, C>(query, db).await?;
        if let (Some(read), true) = (read, rows.is_empty()) {
            read.check_gone(Among::Found, db).await?;
        }
        Ok(rows)
    }

    fn by_key(mut self, key: ValueTuple) -> Self {
        for (column, value) in E::PrimaryKey::iter().zip(key) {
            self = self.filter(column.into_column().eq(value));
        }
        self
    }

    fn marking<C: ConnectionTrait>(self, db: &C) -> Result<UpdateStatement, DbErr> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        let context = context_of(db);
        let user = context.as_ref().and_then(|context| context.user_id());
        let columns = E::MARKS;
        let now = stamp::now_as(<E::Model as ModelTrait>::get_value_type(columns.deleted_at));
        let mut query = self.query;
        query
            .value(columns.deleted_at, now)
            .value(columns.deleted_by, Value::from(user.map(str::to_owned)))
            .value(columns.deletion_id, Uuid::now_v7());
        touch::<E>(&mut query, context.as_ref(), db.get_database_backend());
        in_tenant::<E>(&mut query, context.as_ref())?;
        Ok(query)
    }
}

impl<E: SoftDelete> QueryFilter for SoftDeleteMany<E> {
    type QueryStatement = UpdateStatement;

    fn query(&mut self) -> &mut UpdateStatement {
        &mut self.query
    }
}

/// The statement that takes the mark off one row.
pub fn restoring<E: SoftDelete, C: ConnectionTrait>(
    row: &E::Model,
    read: Option<&Read<E>>,
    db: &C,
) -> Result<UpdateStatement, DbErr> {
    let context = context_of(db);
    let columns = E::MARKS;
    let mut query = Query::update();
    query
        .table(E::default().table_ref())
        .value(columns.deleted_at, Expr::null())
        .value(columns.deleted_by, Expr::null())
        .value(columns.deletion_id, Expr::null())
        .and_where(columns.deleted_at.is_not_null());
    for key in E::PrimaryKey::iter() {
        let column = key.into_column();
        query.and_where(column.eq(row.get(column)));
    }
    if let Some(read) = read {
        query.and_where(read.is_current());
    }
    touch::<E>(&mut query, context.as_ref(), db.get_database_backend());
    in_tenant::<E>(&mut query, context.as_ref())?;
    Ok(query)
}

/// Runs the update and returns the rows.
pub async fn returning<E: EntityTrait, C: ConnectionTrait>(
    mut query: UpdateStatement,
    db: &C,
) -> Result<Vec<E::Model>, DbErr> {
    let backend = db.get_database_backend();
    query.returning(Query::returning().exprs(
        E::Column::iter().map(|column| column.select_as(column.into_returning_expr(backend))),
    ));
    let rows = db.query_all(&query).await?;
    rows.iter()
        .map(|row| E::Model::from_query_result(row, ""))
        .collect()
}

// On PostgreSQL the stamp trigger does this, for raw statements too.
fn touch<E: EntityTrait>(
    query: &mut UpdateStatement,
    context: Option<&RequestContext>,
    backend: DbBackend,
) {
    let Some(entity) = description::<E>().filter(|_| backend != DbBackend::Postgres) else {
        return;
    };
    if let Some(version) = entity.features.version {
        query.value(version.into_iden(), next::<E>(version));
    }
    if let Some(columns) = entity.features.timestamps {
        query.value(columns.updated_at.into_iden(), chrono::Utc::now());
    }
    if let Some(columns) = entity.features.audit {
        let text = |value: Option<&str>| Value::from(value.map(str::to_owned));
        query
            .value(
                columns.updated_by.into_iden(),
                text(context.and_then(|context| context.user_id())),
            )
            .value(
                columns.request_id.into_iden(),
                text(context.and_then(|context| context.request())),
            );
    }
}

fn in_tenant<E: EntityTrait>(
    query: &mut UpdateStatement,
    context: Option<&RequestContext>,
) -> Result<(), DbErr> {
    let Some(tenant) = description::<E>().and_then(|entity| entity.features.tenant) else {
        return Ok(());
    };
    let entity = || sea_orm::EntityName::table_name(&E::default()).to_owned();
    let context = context.ok_or_else(|| Error::OutsideSession { entity: entity() })?;
    let Some(id) = context.reach(entity)? else {
        return Ok(());
    };
    let column = Expr::col((E::default().into_iden(), tenant.tenant_id.into_iden()));
    query.and_where(column.eq(tenant.kind.value(id)?));
    Ok(())
}
