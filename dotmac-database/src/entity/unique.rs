//! Unique keys: which columns no two rows share, and the index that sees to it.

use std::collections::BTreeSet;

use sea_orm::{
    ColumnTrait, DbBackend, EntityTrait, IdenStatic, Iterable, PrimaryKeyToColumn, Schema,
};

use super::lowered::lowered;
use super::registry::{description, descriptions};
use crate::error::ConstraintColumns;
use crate::ident::object;

/// A unique index, as migrations make it and upserts meet it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniqueKey {
    /// The index: `uq_<table>_<columns>`, without the tenant's column.
    pub name: String,
    /// Its columns, the tenant's first where rows belong to tenants.
    pub columns: Vec<String>,
    /// The column of the mark where rows are soft-deleted: only live rows are unique.
    pub live: Option<&'static str>,
    /// Those of its columns that are unique whatever the case of their letters.
    case_insensitive: Vec<&'static str>,
}

impl UniqueKey {
    /// The key of an entity over these columns.
    fn new<E: EntityTrait>(mut columns: Vec<String>) -> Self {
        let features = description::<E>().map(|entity| entity.features);
        let entity = E::default();
        let mut parts = vec![entity.table_name()];
        parts.extend(columns.iter().map(String::as_str));
        let name = object("uq", &parts);
        if let Some(tenant) = features.and_then(|features| features.tenant)
            && !columns.iter().any(|column| column == tenant.tenant_id)
        {
            columns.insert(0, tenant.tenant_id.to_owned());
        }
        UniqueKey {
            name,
            columns,
            live: features
                .and_then(|features| features.soft_delete)
                .map(|marks| marks.deleted_at),
            case_insensitive: description::<E>()
                .map(|entity| entity.case_insensitive.clone())
                .unwrap_or_default(),
        }
    }

    /// The primary key, as a key like the others.
    pub fn primary<E: EntityTrait>() -> Self {
        let columns = E::PrimaryKey::iter().map(|key| key.into_column().as_str().to_owned());
        UniqueKey {
            name: String::new(),
            columns: columns.collect(),
            live: None,
            case_insensitive: Vec::new(),
        }
    }

    /// The columns of its index: for one that ignores case, the generated column of lower case.
    pub fn indexed(&self) -> Vec<String> {
        let indexed = |column: &String| match self.case_insensitive.contains(&column.as_str()) {
            true => lowered(column),
            false => column.clone(),
        };
        self.columns.iter().map(indexed).collect()
    }

    /// Whether it is over these columns, in any order, with or without the tenant's.
    pub fn is_over(&self, columns: &[&str], tenant: Option<&str>) -> bool {
        let without_tenant = |column: &&str| Some(*column) != tenant;
        let own = self.columns.iter().map(String::as_str);
        let own: BTreeSet<&str> = own.filter(without_tenant).collect();
        let asked: BTreeSet<&str> = columns.iter().copied().filter(without_tenant).collect();
        own == asked
    }
}

/// The unique keys of an entity: `#[dotmac(unique)]`, `#[sea_orm(unique)]` and `unique_key`.
///
/// In a tenant-aware entity each is led by the tenant's column, so that a value is unique for its
/// tenant and tells nothing of others.
pub fn unique_keys<E: EntityTrait>() -> Vec<UniqueKey> {
    let single = E::Column::iter()
        .filter(|column| column.def().is_unique())
        .map(|column| vec![column.as_str().to_owned()]);
    // SeaORM tells its groups only as finished indexes; the names are the same for all backends.
    let schema = Schema::new(DbBackend::Postgres);
    let groups = schema
        .create_index_from_entity(E::default())
        .into_iter()
        .filter(|index| index.is_unique_key())
        .map(|index| index.get_index_spec().get_column_names());
    let ours = description::<E>().map_or(&[][..], |entity| &entity.unique);
    let ours = ours
        .iter()
        .map(|columns| columns.iter().map(|name| (*name).to_owned()).collect());
    let mut keys: Vec<UniqueKey> = Vec::new();
    for columns in single.chain(groups).chain(ours) {
        let key = UniqueKey::new::<E>(columns);
        if !keys.iter().any(|known| known.columns == key.columns) {
            keys.push(key);
        }
    }
    keys
}

/// What composite foreign keys of other tables refer to: the tenant and the primary key. None where
/// the primary key has the tenant already.
pub fn tenant_key<E: EntityTrait>() -> Option<UniqueKey> {
    let tenant = description::<E>()?.features.tenant?;
    let keys = E::PrimaryKey::iter().map(|key| key.into_column().as_str().to_owned());
    let mut columns: Vec<String> = keys.collect();
    if columns.iter().any(|key| key == tenant.tenant_id) {
        return None;
    }
    columns.insert(0, tenant.tenant_id.to_owned());
    let entity = E::default();
    let mut parts = vec![entity.table_name()];
    parts.extend(columns.iter().map(String::as_str));
    Some(UniqueKey {
        name: object("uq", &parts),
        columns,
        live: None,
        case_insensitive: Vec::new(),
    })
}

// Errors ask for the columns of an index that PostgreSQL names without them.
inventory::submit! {
    ConstraintColumns(|table, constraint| {
        let entities = descriptions().filter(|entity| entity.table == table);
        let mut keys = entities.flat_map(|entity| (entity.unique_keys)());
        keys.find(|key| key.name == constraint).map(|key| key.columns)
    })
}
