//! Every entity of the program, registered by its macro at link time.
//!
//! Relations ask it whether their target is soft-deletable, sessions ask it which tables belong to
//! tenants, migrations ask it what to install.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::LazyLock;

use sea_orm::{EntityName, EntityTrait, IdenStatic, Iterable, PrimaryKeyToColumn};

use super::cached::{CachedTable, Cascade, cascades};
use super::feature::{Featured, Features};
use super::unique::{UniqueKey, unique_keys};
use crate::context::TenantKind;

/// A link-time record; one for each macro that saw the entity.
pub struct Registered {
    type_id: fn() -> TypeId,
    describe: fn() -> Description,
}

inventory::collect!(Registered);

impl Registered {
    /// The record of an entity under `#[dotmac_database::model]`.
    pub const fn of<E: Featured>() -> Self {
        Registered {
            type_id: TypeId::of::<E>,
            describe: || Description {
                unique: E::UNIQUE_KEYS.iter().map(|key| names(key)).collect(),
                prefix_search: names(E::PREFIX_SEARCH),
                case_insensitive: names(E::CASE_INSENSITIVE),
                cached: E::CACHED,
                ..describe::<E>(E::FEATURES)
            },
        }
    }

    /// The record of one derive that stands alone.
    pub const fn part<E: EntityTrait>(describe: fn() -> Description) -> Self {
        Registered {
            type_id: TypeId::of::<E>,
            describe,
        }
    }
}

/// An entity, as far as the database can see it.
#[derive(Debug, Clone)]
pub struct Description {
    /// Its schema, where the entity names one.
    pub schema: Option<String>,
    /// Its table.
    pub table: &'static str,
    /// The columns of its primary key.
    pub primary_key: Vec<&'static str>,
    /// The columns with a role.
    pub features: Features<&'static str>,
    /// The columns of each `#[dotmac(unique)]`.
    pub unique: Vec<Vec<&'static str>>,
    /// The columns of `#[dotmac(prefix_search)]`.
    pub prefix_search: Vec<&'static str>,
    /// The columns of `#[dotmac(case_insensitive)]`.
    pub case_insensitive: Vec<&'static str>,
    /// All its unique keys.
    pub unique_keys: fn() -> Vec<UniqueKey>,
    /// Its record, where its rows are cached.
    pub cached: Option<fn() -> CachedTable>,
    /// Its foreign keys that follow what they refer to.
    pub cascades: fn() -> Vec<Cascade>,
}

/// Describes an entity with these features.
pub fn describe<E: EntityTrait>(features: Features<E::Column>) -> Description {
    let entity = E::default();
    Description {
        schema: EntityName::schema_name(&entity).map(str::to_owned),
        table: EntityName::table_name(&entity),
        primary_key: E::PrimaryKey::iter()
            .map(|key| key.into_column().as_str())
            .collect(),
        features: features.names(),
        unique: Vec::new(),
        prefix_search: Vec::new(),
        case_insensitive: Vec::new(),
        unique_keys: unique_keys::<E>,
        cached: None,
        cascades: cascades::<E>,
    }
}

fn names<C: IdenStatic>(columns: &[C]) -> Vec<&'static str> {
    columns.iter().map(|column| column.as_str()).collect()
}

static ENTITIES: LazyLock<HashMap<TypeId, Description>> = LazyLock::new(|| {
    let mut entities: HashMap<TypeId, Description> = HashMap::new();
    for registered in inventory::iter::<Registered> {
        let description = (registered.describe)();
        entities
            .entry((registered.type_id)())
            .and_modify(|known| known.features = known.features.or(description.features))
            .or_insert(description);
    }
    entities
});

static TENANT_TABLES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    ENTITIES
        .values()
        .filter(|entity| entity.features.tenant.is_some())
        .map(|entity| entity.table)
        .collect()
});

static TENANT_KINDS: LazyLock<Vec<TenantKind>> = LazyLock::new(|| {
    let mut kinds = Vec::new();
    for tenant in ENTITIES
        .values()
        .filter_map(|entity| entity.features.tenant)
    {
        if !kinds.contains(&tenant.kind) {
            kinds.push(tenant.kind);
        }
    }
    kinds
});

/// What is known of an entity; nothing of one that is plain SeaORM.
pub fn description<E: EntityTrait>() -> Option<&'static Description> {
    ENTITIES.get(&TypeId::of::<E>())
}

/// What is known of every entity.
pub fn descriptions() -> impl Iterator<Item = &'static Description> {
    ENTITIES.values()
}

/// The tables whose rows belong to tenants.
pub fn tenant_tables() -> &'static [&'static str] {
    &TENANT_TABLES
}

/// The tables whose rows belong to tenants, with the schema where the entity names one.
pub fn qualified_tenant_tables() -> impl Iterator<Item = (Option<&'static str>, &'static str)> {
    ENTITIES
        .values()
        .filter(|entity| entity.features.tenant.is_some())
        .map(|entity| (entity.schema.as_deref(), entity.table))
}

/// The tenant column of a table, if its rows belong to tenants. Of several entities on one table,
/// one that knows its tenant tells it for all.
pub fn tenant_column(schema: Option<&str>, table: &str) -> Option<&'static str> {
    ENTITIES
        .values()
        .filter(|entity| entity.table == table && entity.schema.as_deref() == schema)
        .find_map(|entity| entity.features.tenant.map(|tenant| tenant.tenant_id))
}

/// The types of this program's tenant columns.
pub fn tenant_kinds() -> &'static [TenantKind] {
    &TENANT_KINDS
}
