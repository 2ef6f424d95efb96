//! `CachedTable`: what sessions and caches know of an entity whose rows are cached.

use std::sync::LazyLock;

use sea_orm::{ColumnTrait, EntityName, IdenStatic, Iterable, PrimaryKeyToColumn};

use super::ability::Cached;
use super::key::{KeyKind, RowKey};
use crate::entity::descriptions;
use crate::ident::quote;

/// The table of a cached entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedTable {
    /// The name of its entries in a cache.
    pub name: &'static str,
    /// Its table, and the schema where the entity names one.
    pub table: &'static str,
    /// As SeaORM writes it.
    pub(super) sql: String,
    pub(super) key: Vec<KeyColumn>,
    /// Whether its rows belong to tenants.
    pub is_tenant_aware: bool,
}

/// A column of the primary key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyColumn {
    /// Quoted.
    pub name: String,
    pub kind: KeyKind,
}

impl CachedTable {
    /// The table of `E`.
    pub fn of<E: Cached>() -> Self {
        let entity = E::default();
        let table = EntityName::table_name(&entity);
        let sql = match EntityName::schema_name(&entity) {
            Some(schema) => format!("{}.{}", quote(schema), quote(table)),
            None => quote(table),
        };
        let key = E::PrimaryKey::iter().map(|key| {
            let column = key.into_column();
            KeyColumn {
                name: quote(column.as_str()),
                kind: KeyKind::of(column.def().get_column_type()),
            }
        });
        CachedTable {
            name: E::NAME.unwrap_or(table),
            table,
            sql,
            key: key.collect(),
            is_tenant_aware: E::FEATURES.tenant.is_some(),
        }
    }

    /// A table with nothing else to it.
    #[cfg(test)]
    pub fn named(name: &'static str) -> Self {
        CachedTable {
            name,
            table: name,
            sql: quote(name),
            key: Vec::new(),
            is_tenant_aware: true,
        }
    }

    /// What the columns of its primary key hold.
    pub fn key_kinds(&self) -> impl Iterator<Item = KeyKind> {
        self.key.iter().map(|column| column.kind)
    }

    /// The key of these values, in the order of the primary key.
    pub fn row(&self, values: &[sea_orm::Value]) -> Option<RowKey> {
        RowKey::of(self.key_kinds(), values)
    }
}

static CACHED: LazyLock<Vec<CachedTable>> = LazyLock::new(|| {
    let cached = descriptions().filter_map(|entity| entity.cached.map(|of| of()));
    cached.collect()
});

/// The tables of all cached entities of the program.
pub fn cached_tables() -> &'static [CachedTable] {
    &CACHED
}
