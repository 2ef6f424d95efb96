//! Indexes led by the tenant, and unique values per tenant.

use sea_orm::{
    ConnectionTrait, DbBackend, EntityTrait, Iterable, RelationTrait, Schema, Statement,
};
use sea_orm_migration::SchemaManager;

use crate::entity::{UniqueKey, case_insensitive, description, lowered, unique_keys};
use crate::error::{Error, Result};
use crate::ident::{byte_order, literal, object, quote};
use crate::rls::TableName;

/// Creates the indexes of the entity where they do not exist: for `#[dotmac(unique)]`,
/// `#[sea_orm(unique)]`, `unique_key` and `indexed` columns, for foreign keys, and for `#[dotmac(prefix_search)]` and
/// `#[dotmac(case_insensitive)]`.
///
/// In a tenant-aware entity each is led by the tenant's column, so that a value is unique for its
/// tenant and tells nothing of others. In a soft-deletable one, unique indexes are over live rows,
/// so that a deleted row's value is free.
///
/// # Errors
/// [`Error::IndexDiffers`] where an index of that name stands and is another; the database's.
pub async fn create_indexes<E: EntityTrait>(manager: &SchemaManager<'_>) -> Result<()> {
    let table = TableName::of::<E>().sql();
    let db = manager.get_connection();
    for index in indexes::<E>(manager) {
        let unique = if index.unique { "UNIQUE " } else { "" };
        let columns: Vec<String> = index.columns.iter().map(|column| quote(column)).collect();
        let collation = index.collation.map(|it| format!(" COLLATE {it}"));
        let condition = index.condition.as_deref().unwrap_or_default();
        db.execute_unprepared(&format!(
            "CREATE {unique}INDEX IF NOT EXISTS {} ON {table} ({}{}){condition}",
            quote(&index.name),
            columns.join(", "),
            collation.unwrap_or_default(),
        ))
        .await?;
        verify::<E>(manager, &index).await?;
    }
    Ok(())
}

/// Drops what [`create_indexes`] made.
///
/// # Errors
/// The database's.
pub async fn drop_indexes<E: EntityTrait>(manager: &SchemaManager<'_>) -> Result<()> {
    let table = TableName::of::<E>();
    for index in indexes::<E>(manager) {
        manager
            .get_connection()
            .execute_unprepared(&format!(
                "DROP INDEX IF EXISTS {}",
                table.sibling(&index.name)
            ))
            .await?;
    }
    Ok(())
}

/// `IF NOT EXISTS` is content with any index of that name: on another table, or as an earlier shape
/// of the entity wanted it.
async fn verify<E: EntityTrait>(manager: &SchemaManager<'_>, index: &TableIndex) -> Result<()> {
    let table = TableName::of::<E>();
    let backend = manager.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => format!(
            "SELECT i.indisunique = {unique} AND (i.indpred IS NOT NULL) = {partial} \
               AND array_to_string(ARRAY(SELECT a.attname FROM unnest(i.indkey) \
                 WITH ORDINALITY AS k (number, place) JOIN pg_attribute a \
                 ON a.attrelid = i.indrelid AND a.attnum = k.number ORDER BY k.place), ' ') \
               = {columns} AS same \
             FROM pg_index i \
             WHERE i.indexrelid = to_regclass({index}) AND i.indrelid = to_regclass({table})",
            unique = index.unique,
            partial = index.condition.is_some(),
            columns = literal(&index.columns.join(" ")),
            index = literal(&table.sibling(&index.name)),
            table = literal(&table.sql()),
        ),
        _ => format!(
            "SELECT true AS same FROM sqlite_master \
             WHERE type = 'index' AND name = {} AND tbl_name = {}",
            literal(&index.name),
            literal(table.bare()),
        ),
    };
    let statement = Statement::from_string(backend, sql);
    let found = manager.get_connection().query_one_raw(statement).await?;
    let same = found
        .map(|row| row.try_get::<bool>("", "same"))
        .transpose()?;
    match same {
        Some(true) => Ok(()),
        Some(false) | None => Err(Error::IndexDiffers {
            index: index.name.clone(),
            table: table.sql(),
        }),
    }
}

struct TableIndex {
    name: String,
    columns: Vec<String>,
    unique: bool,
    condition: Option<String>,
    /// Of its last column, where it is not the column's own.
    collation: Option<&'static str>,
}

fn indexes<E: EntityTrait>(manager: &SchemaManager<'_>) -> Vec<TableIndex> {
    // SeaORM tells `indexed` columns only as finished indexes.
    let schema = Schema::new(manager.get_database_backend());
    let indexed = schema
        .create_index_from_entity(E::default())
        .into_iter()
        .filter(|index| !index.is_unique_key())
        .map(|index| index.get_index_spec().get_column_names());
    let plain = indexed.chain(foreign_keys::<E>()).map(plain::<E>);
    unique_keys::<E>()
        .into_iter()
        .map(unique)
        .chain(plain)
        .chain(ignoring_case::<E>())
        .chain(by_prefix::<E>(manager.get_database_backend()))
        .collect()
}

fn unique(key: UniqueKey) -> TableIndex {
    TableIndex {
        columns: key.indexed(),
        name: key.name,
        unique: true,
        condition: key
            .live
            .map(|mark| format!(" WHERE {} IS NULL", quote(mark))),
        collation: None,
    }
}

/// The columns of lower case that no unique key finds by.
fn ignoring_case<E: EntityTrait>() -> impl Iterator<Item = TableIndex> {
    let tenant = description::<E>().and_then(|entity| entity.features.tenant);
    let tenant = tenant.map(|tenant| tenant.tenant_id);
    let keys = unique_keys::<E>();
    case_insensitive::<E>()
        .iter()
        .filter(move |column| !keys.iter().any(|key| key.is_over(&[*column], tenant)))
        .map(|column| plain::<E>(vec![lowered(column)]))
}

/// Where the order is that of the bytes, a prefix is a range.
fn by_prefix<E: EntityTrait>(backend: DbBackend) -> impl Iterator<Item = TableIndex> {
    let columns = description::<E>().map_or(&[][..], |entity| &entity.prefix_search);
    columns.iter().map(move |column| TableIndex {
        name: name::<E>(&[column, "prefix"]),
        collation: Some(byte_order(backend)),
        ..plain::<E>(vec![(*column).to_owned()])
    })
}

fn name<E: EntityTrait>(columns: &[&str]) -> String {
    let table = TableName::of::<E>();
    let mut parts = vec![table.bare()];
    parts.extend(columns);
    object("idx", &parts)
}

fn plain<E: EntityTrait>(mut columns: Vec<String>) -> TableIndex {
    let parts: Vec<&str> = columns.iter().map(String::as_str).collect();
    let name = name::<E>(&parts);
    if let Some(tenant) = description::<E>().and_then(|entity| entity.features.tenant)
        && !columns.iter().any(|column| column == tenant.tenant_id)
    {
        columns.insert(0, tenant.tenant_id.to_owned());
    }
    TableIndex {
        name,
        columns,
        unique: false,
        condition: None,
        collation: None,
    }
}

fn foreign_keys<E: EntityTrait>() -> impl Iterator<Item = Vec<String>> {
    E::Relation::iter()
        .map(|relation| relation.def())
        .filter(|relation| !relation.is_owner && !relation.skip_fk)
        .map(|relation| relation.from_col.iter().map(|c| c.to_string()).collect())
}
