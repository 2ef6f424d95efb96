//! Values that are made of an entity's rows, and end when these change.

use super::generation::Generations;
use super::invalidation::table_tag;
use crate::cache::core::CacheValue;
use crate::cache::lookup::Lookup;
use crate::context::{Global, Owner};
use crate::entity::cached::{Cached, CachedTable};
use crate::error::{Error, Result};

impl<V: CacheValue> Lookup<V> {
    /// The same key, of a value that was made of rows of `E`: any change of the table ends it, for the tenants
    /// that it concerns, as a [`Following`](super::Following) client does it.
    ///
    /// The entry is found by such a lookup only, and not by the functions of the cache that take the bare
    /// key.
    ///
    /// # Errors
    /// [`Error::Config`] for an entry that belongs to no tenant, of a table in which rows belong to tenants.
    ///
    /// # Cancel safety
    /// Safe at any point.
    pub async fn depends_on<E: Cached>(mut self) -> Result<Self> {
        let table = CachedTable::of::<E>();
        if table.is_tenant_aware && self.spot.owner == Global.owner(table.table)? {
            return Err(Error::Config {
                variable: "depends_on",
                reason: format!(
                    "rows of `{}` belong to tenants, whose changes do not reach an entry that belongs to \
                     none: use a cache of tenants",
                    table.table
                ),
            });
        }
        let generations = match self.core.generations.get() {
            Some(generations) => generations,
            None => {
                let generations = Generations::of(&self.core.client, self.core.options.near_ttl)?;
                self.core.generations.get_or_init(|| generations)
            }
        };
        let generation = generations.now(table.name).await?;
        self.spot.key = self.spot.key.at(table.name, generation);
        Ok(self.tag(table_tag(&table)))
    }
}
