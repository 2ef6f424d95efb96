//! Changes of a table that exists, for later migrations.

use sea_orm::sea_query::{ColumnDef, Expr, Table, TableAlterStatement};
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, IdenStatic, Iterable, Schema};
use sea_orm_migration::SchemaManager;

use super::difference::Object;
use super::{catalog, enumeration, foreign_key, table};
use crate::entity::{case_insensitive, lowered, tenant_key};
use crate::error::Result;
use crate::ident::quote;
use crate::rls::TableName;

/// Adds a column of the entity to its table, where the table does not have it.
///
/// A column that must not be NULL and has no default cannot be added to a table with rows: see
/// [`add_column_with_value`]. A column that the entity does not have (any more) is left out with a
/// warning: a later migration drops it. SQLite cannot add a generated column that is stored.
///
/// # Errors
/// The database's, for instance where rows would have NULL.
pub async fn add_column<E: EntityTrait>(manager: &SchemaManager<'_>, column: &str) -> Result<()> {
    add::<E>(manager, column, None).await
}

/// Adds a column of the entity to its table, where the table does not have it, and gives the rows
/// that exist this value: a constant, or an expression without other columns.
///
/// Triggers do not run for it, so that the rows do not look as if they had been written. On SQLite,
/// which cannot take it away again, the value stays as the column's default.
///
/// # Errors
/// As [`add_column`].
pub async fn add_column_with_value<E: EntityTrait>(
    manager: &SchemaManager<'_>,
    column: &str,
    value: impl Into<Expr>,
) -> Result<()> {
    add::<E>(manager, column, Some(value.into())).await
}

/// Drops a column and its values, where the table has it.
///
/// # Errors
/// The database's, for instance where a view uses it.
pub async fn drop_column<E: EntityTrait>(manager: &SchemaManager<'_>, column: &str) -> Result<()> {
    if !has::<E>(manager, Object::Column, column).await? {
        return Ok(());
    }
    alter::<E>(manager, |table| table.drop_column(column.to_owned())).await
}

/// Drops an index or a unique constraint of the table by its name, where it exists.
///
/// # Errors
/// The database's, for instance where a foreign key needs it.
pub async fn drop_index<E: EntityTrait>(manager: &SchemaManager<'_>, index: &str) -> Result<()> {
    let table = TableName::of::<E>();
    // The index of a constraint goes with the constraint only.
    if manager.get_database_backend() == DbBackend::Postgres
        && has::<E>(manager, Object::Index, index).await?
    {
        let drop = format!("DROP CONSTRAINT IF EXISTS {}", quote(index));
        alter_postgres::<E>(manager, &drop).await?;
    }
    let drop = format!("DROP INDEX IF EXISTS {}", table.sibling(index));
    manager.get_connection().execute_unprepared(&drop).await?;
    Ok(())
}

/// Creates the keys of the entity that its table lacks: the one that foreign keys of other tables
/// refer to (the tenant and the primary key), and its own foreign keys.
///
/// On SQLite, which cannot add a key to a table, it does nothing.
///
/// # Errors
/// The database's, for instance where a row refers to nothing.
pub async fn create_keys<E: EntityTrait>(manager: &SchemaManager<'_>) -> Result<()> {
    if manager.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    if let Some(key) = tenant_key::<E>()
        && !has::<E>(manager, Object::Index, &key.name).await?
    {
        let columns: Vec<String> = key.columns.iter().map(|column| quote(column)).collect();
        let columns = columns.join(", ");
        let add = format!("ADD CONSTRAINT {} UNIQUE ({columns})", quote(&key.name));
        alter_postgres::<E>(manager, &add).await?;
    }
    for key in foreign_key::statements::<E>() {
        let name = key.get_foreign_key().get_name().unwrap_or_default();
        if !has::<E>(manager, Object::ForeignKey, name).await? {
            manager.create_foreign_key(key).await?;
        }
    }
    Ok(())
}

/// Drops a foreign key of the table by its name, where it exists. On SQLite, which cannot drop one,
/// it does nothing.
///
/// # Errors
/// The database's.
pub async fn drop_foreign_key<E: EntityTrait>(
    manager: &SchemaManager<'_>,
    key: &str,
) -> Result<()> {
    if manager.get_database_backend() != DbBackend::Postgres
        || !has::<E>(manager, Object::ForeignKey, key).await?
    {
        return Ok(());
    }
    let drop = format!("DROP CONSTRAINT {}", quote(key));
    alter_postgres::<E>(manager, &drop).await
}

async fn add<E: EntityTrait>(
    manager: &SchemaManager<'_>,
    column: &str,
    value: Option<Expr>,
) -> Result<()> {
    let backend = manager.get_database_backend();
    let mut generated = case_insensitive::<E>().iter();
    if let Some(source) = generated.find(|source| lowered(source) == column) {
        if has::<E>(manager, Object::Column, column).await? {
            return Ok(());
        }
        let definition = table::lowered_of(source, backend);
        return alter::<E>(manager, |table| table.add_column(definition)).await;
    }
    let Some(variant) = E::Column::iter().find(|known| known.as_str() == column) else {
        tracing::warn!(
            table = TableName::of::<E>().bare(),
            column,
            "the entity has no such column: it is not added",
        );
        return Ok(());
    };
    if has::<E>(manager, Object::Column, column).await? {
        return Ok(());
    }
    let schema = Schema::new(backend);
    for enumeration in schema.create_enum_from_entity(E::default()) {
        enumeration::create(manager, enumeration).await?;
    }
    let mut definition = table::column_of::<E>(variant, &schema);
    let default = definition.get_column_spec().default.clone();
    let Some(value) = value else {
        return alter::<E>(manager, |table| table.add_column(definition)).await;
    };
    definition.default(value);
    alter::<E>(manager, |table| table.add_column(definition)).await?;
    match default {
        _ if backend != DbBackend::Postgres => Ok(()),
        Some(default) => {
            let mut definition = ColumnDef::new(variant);
            definition.default(default);
            alter::<E>(manager, |table| table.modify_column(definition)).await
        }
        None => {
            let drop = format!("ALTER COLUMN {} DROP DEFAULT", quote(column));
            alter_postgres::<E>(manager, &drop).await
        }
    }
}

async fn alter<E: EntityTrait>(
    manager: &SchemaManager<'_>,
    change: impl FnOnce(&mut TableAlterStatement) -> &mut TableAlterStatement,
) -> Result<()> {
    let mut table = Table::alter();
    change(table.table(E::default().table_ref()));
    Ok(manager.alter_table(table).await?)
}

async fn alter_postgres<E: EntityTrait>(manager: &SchemaManager<'_>, change: &str) -> Result<()> {
    let alter = format!("ALTER TABLE {} {change}", TableName::of::<E>().sql());
    manager.get_connection().execute_unprepared(&alter).await?;
    Ok(())
}

async fn has<E: EntityTrait>(
    manager: &SchemaManager<'_>,
    object: Object,
    name: &str,
) -> Result<bool> {
    let entries = catalog::read(&TableName::of::<E>(), manager.get_connection()).await?;
    Ok(entries
        .iter()
        .any(|entry| entry.object == object && entry.name == name))
}
