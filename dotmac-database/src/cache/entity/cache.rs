//! `EntityCache`: the rows of one entity.

use std::sync::{Arc, Weak};

use super::following::Following;
use super::generation::Generations;
use super::invalidation::table_tag;
use super::site::Tables;
use crate::cache::client::{Shared, tag_scope};
use crate::cache::coherence;
use crate::cache::core::{CacheValue, Core};
use crate::cache::options::CacheOptions;
use crate::cache::scope::Scopes;
use crate::cache::statistics::CacheStatistics;
use crate::context::RequestContext;
use crate::context::{Global, Owner, OwnerName};
use crate::entity::cached::{Cached, CachedTable, KeyKind, cached_tables};
use crate::error::{Error, Result};
use crate::session::Home;

/// The rows of an entity, by their primary keys, each for its tenant.
///
/// Rows are read by [`CachedEntity::cached_by_id`](super::CachedEntity::cached_by_id). Where there is no such
/// row, that is kept as well. Relations are not part of it.
///
/// # Guarantees
/// - What is cached for a tenant is what a session of the tenant, and of no user, sees: it is loaded in a
///   read session of its own on the primary, with nothing but the tenant in its context. So a row that a
///   policy hides from the tenant, or shows to some users only, is not in the cache.
/// - It is never filled from a replica, from a session with changes of its own, or from an old snapshot.
/// - Rows of an entity that is not tenant-aware are one entry for all, where tenants share tables, and one for
///   each tenant where tenants have schemas or databases.
/// - Rows of one tenant in two places are two: what was cached before a tenant moved is not found after it.
/// - Soft-deleted rows are not there, as in `find()`.
pub struct EntityCache<E: Cached> {
    pub(super) core: Arc<Core<E::Model>>,
    pub(super) home: Home,
    pub(super) table: &'static CachedTable,
    /// Where it is.
    pub(super) tables: Tables,
    pub(super) generations: Generations,
    // What ends the outbox's task with it.
    _following: Following,
}

impl<E: Cached> EntityCache<E>
where
    E::Model: CacheValue,
{
    /// A cache of the entity's rows. Handles of one entity and client share their entries in Redis.
    ///
    /// # Errors
    /// [`Error::Config`] for options that cannot be used; for an entity whose name another has, or whose
    /// table's name is not 1 to 64 of the ASCII letters, digits, `_`, `-` and `.`: then say
    /// `#[dotmac(cached = "…")]`; and for a primary key of which a column is no whole number, UUID or text.
    pub fn new(following: &Following, options: CacheOptions) -> Result<Self> {
        let own = CachedTable::of::<E>();
        let mut same = cached_tables()
            .iter()
            .filter(|table| table.name == own.name);
        let refused = |reason: String| Error::Config {
            variable: "cached",
            reason,
        };
        let table = match (same.next(), same.next()) {
            (Some(table), None) if *table == own => table,
            _ => {
                return Err(refused(format!(
                    "names two entities `{}`: name one of them by `#[dotmac(cached = \"…\")]`",
                    own.name
                )));
            }
        };
        if table.key_kinds().any(|kind| kind == KeyKind::Other) {
            return Err(refused(format!(
                "rows of `{}` need a primary key of whole numbers, UUIDs and texts",
                table.table
            )));
        }
        let generations = Generations::of(&following.client, options.near_ttl)?;
        let core = Arc::new(Core::new(table.name, &following.client, options)?);
        let counted: Weak<Core<E::Model>> = Arc::downgrade(&core);
        core.shared().tally.register(counted);
        Ok(EntityCache {
            core,
            home: following.home.clone(),
            table,
            tables: Tables::of(table, &following.home),
            generations,
            _following: following.clone(),
        })
    }

    /// Invalidates the rows of the context's tenant, or those of all where the entity is not tenant-aware:
    /// after changes that no session has made.
    ///
    /// # Errors
    /// [`Error::MissingTenant`]; [`CacheError::Redis`](crate::CacheError::Redis) where Redis was not reached:
    /// then this process has forgotten the rows, and others may not have.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it open whether other processes learn of it.
    pub async fn invalidate(&self, context: &RequestContext) -> Result<()> {
        if !self.table.is_tenant_aware {
            return self.invalidate_everyone().await;
        }
        let owner = context.owner(self.table.table)?;
        self.invalidate_of(&owner).await
    }

    /// Invalidates the rows of all tenants.
    ///
    /// # Errors
    /// [`CacheError::Redis`](crate::CacheError::Redis), as [`invalidate`](Self::invalidate).
    ///
    /// # Cancel safety
    /// As [`invalidate`](Self::invalidate).
    pub async fn invalidate_everyone(&self) -> Result<()> {
        let ended = self.generations.end(self.table.name).await;
        ended.and(self.invalidate_of(&Global.owner(self.table.table)?).await)
    }

    async fn invalidate_of(&self, owner: &OwnerName) -> Result<()> {
        let scopes = [self.core.scope(), tag_scope(&table_tag(self.table))];
        let here = |here: &Scopes| {
            for scope in &scopes {
                coherence::apply(here, owner, scope.as_bytes());
            }
        };
        let shared: &Arc<Shared> = self.core.shared();
        shared.invalidate(owner, &scopes, here).await
    }

    /// What it did in this process, for all owners.
    pub fn statistics(&self) -> CacheStatistics {
        self.core.tally.statistics(self.core.near.size())
    }
}

impl<E: Cached> Clone for EntityCache<E> {
    fn clone(&self) -> Self {
        EntityCache {
            core: Arc::clone(&self.core),
            home: self.home.clone(),
            table: self.table,
            tables: self.tables.clone(),
            generations: self.generations.clone(),
            _following: self._following.clone(),
        }
    }
}

impl<E: Cached> std::fmt::Debug for EntityCache<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EntityCache")
            .field("table", &self.table.table)
            .finish_non_exhaustive()
    }
}
