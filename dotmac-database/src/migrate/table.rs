//! The table of an entity: columns, primary key, foreign keys.

use sea_orm::sea_query::{ColumnDef, Index, Table, TableCreateStatement};
use sea_orm::{
    ColumnTrait, ColumnType, ConnectionTrait, DbBackend, EntityTrait, Iterable, PrimaryKeyArity,
    PrimaryKeyToColumn, PrimaryKeyTrait, Schema, Statement,
};
use sea_orm_migration::SchemaManager;

use super::{enumeration, foreign_key};
use crate::entity::{case_insensitive, lowered, tenant_key};
use crate::error::Result;
use crate::ident::{literal, object, quote};
use crate::rls::TableName;

/// Creates the table where it does not exist: its columns as the entity has them, its primary key,
/// its foreign keys.
///
/// A foreign key between two tenant-aware tables includes the tenant on both sides, so that no row
/// can refer to another tenant's; the target's `UNIQUE (tenant_id, id)` is made with the table.
/// Unique columns are left to [`create_indexes`](super::create_indexes), which makes them unique per
/// tenant.
///
/// # Errors
/// The database's.
pub async fn create_table<E: EntityTrait>(manager: &SchemaManager<'_>) -> Result<()> {
    if exists::<E>(manager).await? {
        return Ok(());
    }
    make::<E>(manager).await
}

/// Creates the table and the enum types of its columns.
pub(super) async fn make<E: EntityTrait>(manager: &SchemaManager<'_>) -> Result<()> {
    let backend = manager.get_database_backend();
    for enumeration in Schema::new(backend).create_enum_from_entity(E::default()) {
        enumeration::create(manager, enumeration).await?;
    }
    manager.create_table(statement::<E>(backend)).await?;
    Ok(())
}

/// Drops the table where it exists, and the enum types of its columns that nothing else uses.
///
/// # Errors
/// The database's, for instance where another table refers to it.
pub async fn drop_table<E: EntityTrait>(manager: &SchemaManager<'_>) -> Result<()> {
    let table = E::default().table_ref();
    manager
        .drop_table(Table::drop().table(table).if_exists().to_owned())
        .await?;
    for column in E::Column::iter() {
        if let ColumnType::Enum { name, .. } = column.def().get_column_type() {
            enumeration::drop_unused(manager, name.clone()).await?;
        }
    }
    Ok(())
}

/// Whether the table exists, in the schema that the entity names or in the search path.
pub(super) async fn exists<E: EntityTrait>(manager: &SchemaManager<'_>) -> Result<bool> {
    let table = TableName::of::<E>();
    let backend = manager.get_database_backend();
    if backend != DbBackend::Postgres {
        return Ok(manager.has_table(table.bare()).await?);
    }
    let sql = format!(
        "SELECT 1 WHERE to_regclass({}) IS NOT NULL",
        literal(&table.sql())
    );
    let statement = Statement::from_string(backend, sql);
    let found = manager.get_connection().query_one_raw(statement).await?;
    Ok(found.is_some())
}

/// The primary key's columns.
pub(super) fn primary_key<E: EntityTrait>() -> Vec<String> {
    E::PrimaryKey::iter()
        .map(|key| sea_orm::IdenStatic::as_str(&key.into_column()).to_owned())
        .collect()
}

fn statement<E: EntityTrait>(backend: DbBackend) -> TableCreateStatement {
    let schema = Schema::new(backend);
    let mut table = Table::create();
    table.table(E::default().table_ref());
    for column in E::Column::iter() {
        table.col(column_of::<E>(column, &schema));
    }
    for column in case_insensitive::<E>() {
        table.col(lowered_of(column, backend));
    }
    let keys = primary_key::<E>();
    let name = TableName::of::<E>();
    if <<E::PrimaryKey as PrimaryKeyTrait>::ValueType as PrimaryKeyArity>::ARITY > 1 {
        let mut primary = Index::create();
        primary.name(object("pk", &[name.bare()])).primary();
        for key in &keys {
            primary.col(key.clone());
        }
        table.primary_key(&mut primary);
    }
    if let Some(key) = tenant_key::<E>() {
        let mut unique = Index::create();
        unique.unique().name(key.name);
        for column in key.columns {
            unique.col(column);
        }
        table.index(&mut unique);
    }
    for mut key in foreign_key::statements::<E>() {
        table.foreign_key(&mut key);
    }
    table
}

/// The definition of a column in the table.
pub(super) fn column_of<E: EntityTrait>(column: E::Column, schema: &Schema) -> ColumnDef {
    without_unique(&schema.get_column_def::<E>(column))
}

/// The definition of the generated column that holds another in lower case.
///
/// PostgreSQL 15 can only store it, and SQLite only add one to a table that it does not store.
pub(super) fn lowered_of(column: &str, backend: DbBackend) -> ColumnDef {
    let kept = match backend {
        DbBackend::Postgres => "STORED",
        _ => "VIRTUAL",
    };
    let mut definition = ColumnDef::new(lowered(column));
    definition.text().extra(format!(
        "GENERATED ALWAYS AS (lower({})) {kept}",
        quote(column)
    ));
    definition
}

/// The column without its own UNIQUE, which would tell one tenant of another's values.
fn without_unique(column: &ColumnDef) -> ColumnDef {
    let spec = column.get_column_spec();
    let mut plain = match column.get_column_type() {
        Some(ty) => ColumnDef::new_with_type(column.get_column_name(), ty.clone()),
        None => ColumnDef::new(column.get_column_name()),
    };
    if spec.nullable == Some(false) {
        plain.not_null();
    }
    if spec.auto_increment {
        plain.auto_increment();
    }
    if spec.primary_key {
        plain.primary_key();
    }
    if let Some(default) = &spec.default {
        plain.default(default.clone());
    }
    if let Some(comment) = &spec.comment {
        plain.comment(comment.clone());
    }
    if let Some(extra) = &spec.extra {
        plain.extra(extra.clone());
    }
    plain
}
