//! The link-time record of what migrations make of an entity, for callers that cannot name its type.

use std::pin::Pin;

use sea_orm::{EntityTrait, Iterable, RelationTrait};
use sea_orm_migration::SchemaManager;

use super::{foreign_key, index, table, trigger};
use crate::entity::description;
use crate::error::Result;
use crate::rls::{self, Roles, TableName};

/// An entity's table, made without the entity's type.
pub struct Installable {
    path: fn() -> &'static str,
    table: fn() -> TableName,
    tenant: fn() -> Option<&'static str>,
    targets: fn() -> Vec<TableName>,
    lay_out: LayOut,
}

inventory::collect!(Installable);

type LayOut = for<'a> fn(&'a SchemaManager<'_>, Protection<'a>) -> Layout<'a>;
type Layout<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// Whom the policies of a table show its rows.
#[derive(Debug, Clone, Copy)]
pub enum Protection<'r> {
    /// Each tenant its own.
    Tenant(&'r Roles),
    /// All tenants all of them.
    Shared(&'r Roles),
    /// There are none.
    Open,
}

impl Installable {
    /// The record of an entity.
    pub const fn of<E: EntityTrait>() -> Self {
        Installable {
            path: std::any::type_name::<E>,
            table: TableName::of::<E>,
            tenant: || description::<E>()?.features.tenant.map(|t| t.tenant_id),
            targets: targets::<E>,
            lay_out: |manager, protection| Box::pin(lay_out::<E>(manager, protection)),
        }
    }

    /// Where the entity is, as Rust names it: `shop::entity::order::Entity`.
    pub fn path(&self) -> &'static str {
        (self.path)()
    }

    /// Its table.
    pub fn table(&self) -> TableName {
        (self.table)()
    }

    /// The tenant's column, if rows belong to tenants.
    pub fn tenant(&self) -> Option<&'static str> {
        (self.tenant)()
    }

    /// The other tables that its foreign keys refer to.
    pub fn targets(&self) -> Vec<TableName> {
        (self.targets)()
    }

    /// Makes the table and all that belongs to it in the first schema of the search path, also
    /// where another schema of the path has one of that name.
    pub async fn lay_out(
        &self,
        manager: &SchemaManager<'_>,
        protection: Protection<'_>,
    ) -> Result<()> {
        (self.lay_out)(manager, protection).await
    }

    /// All entities of the program, by path.
    pub fn all() -> Vec<&'static Installable> {
        let mut all: Vec<&Installable> = inventory::iter::<Installable>.into_iter().collect();
        all.sort_by_key(|entity| entity.path());
        // Each derive that stands alone registers its entity.
        all.dedup_by_key(|entity| entity.path());
        all
    }
}

fn targets<E: EntityTrait>() -> Vec<TableName> {
    let own = TableName::of::<E>();
    E::Relation::iter()
        .map(|relation| relation.def())
        .filter(|relation| !relation.is_owner && !relation.skip_fk)
        .map(|relation| foreign_key::table_name(&relation.to_tbl))
        .filter(|target| *target != own)
        .collect()
}

async fn lay_out<E: EntityTrait>(
    manager: &SchemaManager<'_>,
    protection: Protection<'_>,
) -> Result<()> {
    table::make::<E>(manager).await?;
    index::create_indexes::<E>(manager).await?;
    trigger::create_triggers::<E>(manager).await?;
    let db = manager.get_connection();
    match protection {
        Protection::Tenant(roles) => rls::protect::<E, _>(db, roles).await,
        Protection::Shared(roles) => rls::share::<E, _>(db, roles).await,
        Protection::Open => Ok(()),
    }
}
