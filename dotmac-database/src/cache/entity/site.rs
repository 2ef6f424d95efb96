//! `Site`: where the rows of a context are, and whose entries they are.

use std::sync::Arc;

use super::cache::EntityCache;
use super::row::row_tag;
use crate::cache::core::{CacheValue, Spot};
use crate::context::{Global, Owner, OwnerName, RequestContext};
use crate::entity::cached::{Cached, CachedTable, RowKey};
use crate::error::Result;
use crate::session::{Home, Homes, Place};

/// Where the rows of a context are.
pub struct Site {
    pub owner: OwnerName,
    table: Table,
    /// That of the table; entries that belong to no tenant have none, because their own scopes reach all of
    /// them.
    generation: u64,
}

/// The table of the entity, or those of the tenants.
#[derive(Clone)]
pub enum Tables {
    Only(Table),
    Each(Arc<dyn Homes>),
}

/// One of them.
#[derive(Clone)]
pub struct Table {
    /// Part of the keys, so that tables of one name in two places are two.
    name: Arc<str>,
    /// Whether all tenants see the same rows.
    is_shared: bool,
}

impl Tables {
    pub fn of(table: &CachedTable, home: &Home) -> Self {
        match home {
            Home::One(db) => Tables::Only(Table::at(table, &db.place())),
            Home::Each(homes) => Tables::Each(Arc::clone(homes)),
        }
    }
}

impl Table {
    fn at(table: &CachedTable, place: &Place) -> Self {
        let hash = crc32fast::hash(place.name.as_bytes());
        Table {
            name: format!("{}@{hash:x}", table.name).into(),
            is_shared: !table.is_tenant_aware && place.is_shared,
        }
    }
}

impl Site {
    /// What rows are loaded as: with the tenant of the entries and nothing else.
    pub fn loads_as(&self, context: &RequestContext) -> RequestContext {
        match context.tenant_id() {
            Some(tenant) if self.owner.is_of(tenant) => RequestContext::of(tenant.clone()),
            _ => RequestContext::without_tenant(),
        }
    }
}

impl<E: Cached> EntityCache<E>
where
    E::Model: CacheValue,
{
    /// Where the rows of a context are.
    pub(super) async fn site(&self, context: &RequestContext) -> Result<Site> {
        let table = match &self.tables {
            Tables::Only(table) => table.clone(),
            Tables::Each(homes) => Table::at(self.table, &homes.place(context).await?),
        };
        let name = self.table.table;
        let (owner, generation) = match table.is_shared {
            true => (Global.owner(name)?, 0),
            false => {
                let owner = context.owner(name)?;
                (owner, self.generations.now(self.table.name).await?)
            }
        };
        Ok(Site {
            owner,
            table,
            generation,
        })
    }

    /// Where a row is.
    pub(super) fn spot(&self, site: &Site, row: &RowKey) -> Spot {
        let spot = self.core.spot(site.owner.clone(), row);
        Spot {
            key: spot.key.at(&site.table.name, site.generation),
            tags: vec![row_tag(self.table, row)],
            owner: spot.owner,
        }
    }
}
