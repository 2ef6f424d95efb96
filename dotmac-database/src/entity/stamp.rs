//! Stamps: the columns that the hooks fill from the session's context.
//!
//! The database stamps as well, by defaults and triggers, and sees what no hook sees: bulk and raw
//! statements. The hooks give typed errors before any SQL, and serve SQLite.

use chrono::Utc;
use sea_orm::{
    ActiveModelTrait, ActiveValue, ConnectionTrait, DbBackend, DbErr, EntityName, EntityTrait,
    ModelTrait, PrimaryKeyToColumn, Value, sea_query::ArrayType,
};
use uuid::Uuid;

use super::feature::{AuditColumns, Featured, SoftDeleteColumns, TenantColumn, TimestampColumns};
use crate::context::{RequestContext, context_of};
use crate::error::Error;

type Column<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Column;

/// Stamps a row that is about to be inserted or updated.
///
/// # Errors
/// [`Error::OutsideSession`], [`Error::MissingTenant`] or [`Error::ForeignTenant`], inside a
/// [`DbErr`].
pub fn before_save<A, C>(row: A, db: &C, insert: bool) -> Result<A, DbErr>
where
    A: ActiveModelTrait,
    A::Entity: Featured,
    C: ConnectionTrait,
{
    let mut row = stamp(row, db, insert)?;
    if let Some(column) = <A::Entity as Featured>::FEATURES.version {
        stamp_version(&mut row, column, db.get_database_backend(), insert)?;
    }
    Ok(row)
}

/// Stamps a row that hooks of the user's own are about to see, and that is stamped once more after
/// them.
///
/// # Errors
/// As [`before_save`].
pub fn before_hooks<A, C>(row: A, db: &C, insert: bool) -> Result<A, DbErr>
where
    A: ActiveModelTrait,
    A::Entity: Featured,
    C: ConnectionTrait,
{
    stamp(row, db, insert)
}

/// Checks a row that SeaORM is about to remove for good.
///
/// A soft-deletable row comes here only past `delete` of its model, which marks it instead.
///
/// # Errors
/// [`Error::PhysicalDelete`], or as [`before_save`].
pub fn before_delete<A, C>(mut row: A, db: &C) -> Result<A, DbErr>
where
    A: ActiveModelTrait,
    A::Entity: Featured,
    C: ConnectionTrait,
{
    let features = <A::Entity as Featured>::FEATURES;
    if features.soft_delete.is_some() {
        return Err(Error::PhysicalDelete {
            entity: table::<A>(),
        }
        .into());
    }
    if let Some(tenant) = &features.tenant {
        check_tenant(&mut row, tenant, db, false)?;
    }
    Ok(row)
}

fn stamp<A, C>(mut row: A, db: &C, insert: bool) -> Result<A, DbErr>
where
    A: ActiveModelTrait,
    A::Entity: Featured,
    C: ConnectionTrait,
{
    let features = <A::Entity as Featured>::FEATURES;
    if let Some(tenant) = &features.tenant {
        check_tenant(&mut row, tenant, db, insert)?;
    }
    if let Some(columns) = &features.soft_delete {
        protect_marks(&mut row, columns);
    }
    // An update that changes nothing stays a no-op.
    if !insert && !row.is_changed() {
        return Ok(row);
    }
    if let Some(key) = features.client_key
        && insert
        && row.is_not_set(key)
    {
        row.try_set(key, Uuid::now_v7().into())?;
    }
    if let Some(columns) = &features.audit {
        stamp_audit(&mut row, columns, context_of(db).as_ref(), insert)?;
    }
    if let Some(columns) = &features.timestamps {
        stamp_times(&mut row, columns, db.get_database_backend(), insert)?;
    }
    Ok(row)
}

/// The name of the row's table, for errors.
pub(crate) fn table<A: ActiveModelTrait>() -> String {
    EntityName::table_name(&A::Entity::default()).to_owned()
}

fn check_tenant<A, C>(
    row: &mut A,
    tenant: &TenantColumn<Column<A>>,
    db: &C,
    insert: bool,
) -> Result<(), DbErr>
where
    A: ActiveModelTrait,
    C: ConnectionTrait,
{
    let context = context_of(db).ok_or_else(|| Error::OutsideSession {
        entity: table::<A>(),
    })?;
    let Some(id) = context.reach(table::<A>)? else {
        return check_named_tenant(row, tenant, insert);
    };
    let own = tenant.kind.value(id)?;
    match row.get(tenant.tenant_id) {
        ActiveValue::NotSet if insert => row.try_set(tenant.tenant_id, own)?,
        ActiveValue::NotSet => {}
        ActiveValue::Set(value) | ActiveValue::Unchanged(value) if value != own => {
            return Err(Error::ForeignTenant {
                entity: table::<A>(),
            }
            .into());
        }
        // The tenant of a row never changes, so that an update need not write it.
        ActiveValue::Set(_) if !insert && !is_key::<A>(tenant.tenant_id) => {
            row.not_set(tenant.tenant_id);
        }
        ActiveValue::Set(_) | ActiveValue::Unchanged(_) => {}
    }
    Ok(())
}

/// In a system session a new row names its tenant, and a row that is there keeps it.
fn check_named_tenant<A: ActiveModelTrait>(
    row: &A,
    tenant: &TenantColumn<Column<A>>,
    insert: bool,
) -> Result<(), DbErr> {
    match row.get(tenant.tenant_id) {
        ActiveValue::NotSet if insert => Err(Error::MissingTenant {
            entity: table::<A>(),
        }
        .into()),
        ActiveValue::Set(_) if !insert && !is_key::<A>(tenant.tenant_id) => {
            Err(Error::ForeignTenant {
                entity: table::<A>(),
            }
            .into())
        }
        _ => Ok(()),
    }
}

/// Whether the column is part of the primary key, which an update needs to find the row.
fn is_key<A: ActiveModelTrait>(column: Column<A>) -> bool {
    <A::Entity as EntityTrait>::PrimaryKey::from_column(column).is_some()
}

/// Only `delete` and `restore` mark rows.
fn protect_marks<A: ActiveModelTrait>(row: &mut A, columns: &SoftDeleteColumns<Column<A>>) {
    for column in [
        columns.deleted_at,
        columns.deleted_by,
        columns.deletion_id,
        columns.is_active,
    ] {
        if !matches!(row.get(column), ActiveValue::NotSet) {
            row.not_set(column);
        }
    }
}

fn stamp_audit<A: ActiveModelTrait>(
    row: &mut A,
    columns: &AuditColumns<Column<A>>,
    context: Option<&RequestContext>,
    insert: bool,
) -> Result<(), DbErr> {
    let context = context.ok_or_else(|| Error::OutsideSession {
        entity: table::<A>(),
    })?;
    let user = || Value::from(context.user_id().map(str::to_owned));
    if insert {
        row.try_set(columns.created_by, user())?;
    } else {
        row.not_set(columns.created_by);
    }
    row.try_set(columns.updated_by, user())?;
    row.try_set(
        columns.request_id,
        context.request().map(str::to_owned).into(),
    )
}

// On PostgreSQL, defaults and a trigger do this by the server's clock, for every statement.
fn stamp_times<A: ActiveModelTrait>(
    row: &mut A,
    columns: &TimestampColumns<Column<A>>,
    backend: DbBackend,
    insert: bool,
) -> Result<(), DbErr> {
    if !insert {
        row.not_set(columns.created_at);
    }
    if backend == DbBackend::Postgres {
        if !insert {
            row.not_set(columns.updated_at);
        }
        return Ok(());
    }
    if insert && row.is_not_set(columns.created_at) {
        row.try_set(columns.created_at, now::<A>(columns.created_at))?;
    }
    row.try_set(columns.updated_at, now::<A>(columns.updated_at))
}

/// What an update says of the version: on PostgreSQL the one that was read, which the trigger compares
/// and counts up; on SQLite, whose triggers change nothing, the next one.
fn stamp_version<A: ActiveModelTrait>(
    row: &mut A,
    column: Column<A>,
    backend: DbBackend,
    insert: bool,
) -> Result<(), DbErr> {
    if insert {
        row.not_set(column);
        return Ok(());
    }
    if !row.is_changed() {
        return Ok(());
    }
    let read = match row.get(column) {
        ActiveValue::Set(Value::Int(Some(read)))
        | ActiveValue::Unchanged(Value::Int(Some(read))) => read,
        _ => {
            return Err(Error::MissingVersion {
                entity: table::<A>(),
            }
            .into());
        }
    };
    let written = match backend {
        DbBackend::Postgres => read,
        _ => read.saturating_add(1),
    };
    row.try_set(column, written.into())
}

/// The time, in the type of the column.
pub(crate) fn now<A: ActiveModelTrait>(column: Column<A>) -> Value {
    now_as(<<A::Entity as EntityTrait>::Model as ModelTrait>::get_value_type(column))
}

pub(crate) fn now_as(ty: ArrayType) -> Value {
    match ty {
        ArrayType::ChronoDateTimeWithTimeZone => Utc::now().fixed_offset().into(),
        _ => Utc::now().into(),
    }
}
