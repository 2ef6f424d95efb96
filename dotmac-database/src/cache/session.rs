//! Invalidations that belong to a unit of work: sent once it is committed, and never if it is not.

use std::sync::Arc;

use super::client::{CacheClient, Shared};
use super::core::{CacheValue, Core};
use super::debt::insist;
use super::key::CacheKey;
use super::smart::SmartCache;
use crate::context::{Owner, OwnerName, PerTenant};
use crate::error::Result;
use crate::session::Session;

/// An invalidation that waits for its session's COMMIT, from
/// [`CacheClient::after_commit`] or [`SmartCache::after_commit`].
///
/// # Guarantees
/// - It takes effect after COMMIT, in this process before [`Session::commit`] returns, and not at all where
///   the session, or the nested session or savepoint in which it was asked for, is rolled back. A COMMIT
///   whose outcome is not known ([`Error::CommitUnknown`](crate::Error::CommitUnknown)) invalidates too.
/// - Where Redis is not reached, what this process has is gone at once, and it does not ask Redis for values of
///   the tenant until the invalidation has reached it: it is sent again for half a minute, and then that of the
///   whole tenant instead. Only the end of the process in between loses it: others then use the old value for
///   its time to live at most.
pub struct AfterCommit<'s> {
    shared: Arc<Shared>,
    owner: OwnerName,
    session: &'s Session,
}

impl CacheClient {
    /// Invalidations for the session's tenant that take effect once it has committed.
    ///
    /// # Errors
    /// [`Error::MissingTenant`](crate::Error::MissingTenant).
    pub fn after_commit<'s>(&self, session: &'s Session) -> Result<AfterCommit<'s>> {
        self.after_commit_for(session.context(), session)
    }

    /// The same for another tenant, as a [`System`](crate::System) session changes rows of many, or for
    /// [`Global`](crate::Global) caches.
    ///
    /// # Errors
    /// As [`after_commit`](Self::after_commit).
    pub fn after_commit_for<'s, S>(
        &self,
        owner: impl Owner<S>,
        session: &'s Session,
    ) -> Result<AfterCommit<'s>> {
        Ok(AfterCommit {
            shared: Arc::clone(self.shared()),
            owner: owner.owner("cache")?,
            session,
        })
    }
}

impl AfterCommit<'_> {
    /// Invalidates the entries with a tag.
    ///
    /// # Errors
    /// [`Error::Ended`](crate::Error::Ended) where the session has ended.
    pub fn invalidate_tag(&self, tag: &str) -> Result<()> {
        let (shared, owner, tag) = (self.shared.clone(), self.owner.clone(), tag.to_owned());
        self.defer(move || {
            let (shared, owner, tag) = (shared.clone(), owner.clone(), tag.clone());
            async move { shared.invalidate_tags(&owner, &[&tag]).await }
        })
    }

    /// Invalidates everything of the tenant.
    ///
    /// # Errors
    /// [`Error::Ended`](crate::Error::Ended) where the session has ended.
    pub fn invalidate_tenant(&self) -> Result<()> {
        let (shared, owner) = (self.shared.clone(), self.owner.clone());
        self.defer(move || {
            let (shared, owner) = (shared.clone(), owner.clone());
            async move { shared.invalidate_owner(&owner).await }
        })
    }

    fn defer<F, Fut>(&self, invalidate: F) -> Result<()>
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let (shared, owners) = (Arc::clone(&self.shared), vec![self.owner.clone()]);
        self.session
            .after_possible_commit(move || insist(shared, owners, invalidate))
    }
}

/// An invalidation of one cache that waits for its session's COMMIT, with the guarantees of
/// [`AfterCommit`].
pub struct CacheAfterCommit<'s, V> {
    core: Arc<Core<V>>,
    session: AfterCommit<'s>,
}

impl<V: CacheValue> SmartCache<V, PerTenant> {
    /// Invalidations of this cache for the session's tenant that take effect once it has committed.
    ///
    /// # Errors
    /// [`Error::MissingTenant`](crate::Error::MissingTenant).
    pub fn after_commit<'s>(&self, session: &'s Session) -> Result<CacheAfterCommit<'s, V>> {
        self.after_commit_for(session.context(), session)
    }
}

impl<V: CacheValue, S> SmartCache<V, S> {
    /// The same for another tenant, or for [`Global`](crate::Global) where no tenant owns the cache.
    ///
    /// # Errors
    /// [`Error::MissingTenant`](crate::Error::MissingTenant).
    pub fn after_commit_for<'s>(
        &self,
        owner: impl Owner<S>,
        session: &'s Session,
    ) -> Result<CacheAfterCommit<'s, V>> {
        Ok(CacheAfterCommit {
            core: Arc::clone(self.core()),
            session: self.core().client.after_commit_for(owner, session)?,
        })
    }
}

impl<V: CacheValue> CacheAfterCommit<'_, V> {
    /// Removes an entry.
    ///
    /// # Errors
    /// [`Error::Ended`](crate::Error::Ended) where the session has ended.
    pub fn delete(&self, key: impl CacheKey) -> Result<()> {
        let spot = self.core.spot(self.session.owner.clone(), &key);
        let core = Arc::clone(&self.core);
        self.session.defer(move || {
            let (core, spot) = (Arc::clone(&core), spot.clone());
            async move { core.remove(&spot).await.map(drop) }
        })
    }

    /// Invalidates the entries whose keys begin with these components.
    ///
    /// # Errors
    /// As [`SmartCache::invalidate_prefix`], at once; [`Error::Ended`](crate::Error::Ended) where the session
    /// has ended.
    pub fn invalidate_prefix(&self, prefix: impl CacheKey) -> Result<()> {
        let tag = self.core.tag_of_prefix(&prefix)?;
        self.session.invalidate_tag(&tag)
    }

    /// Invalidates the entries whose keys are of a pattern, as [`SmartCache::invalidate_matching`]. Where
    /// there are too many patterns by then, all entries of the tenant in this cache.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for a pattern that cannot be used, at once;
    /// [`Error::Ended`](crate::Error::Ended) where the session has ended.
    pub fn invalidate_matching(&self, pattern: &str) -> Result<()> {
        let glob = self.core.glob(pattern)?;
        let (core, owner) = (Arc::clone(&self.core), self.session.owner.clone());
        self.session.defer(move || {
            let (core, owner, glob) = (Arc::clone(&core), owner.clone(), glob.clone());
            async move { core.invalidate_matching_or_all(&owner, &glob).await }
        })
    }

    /// Invalidates all entries of the tenant in this cache.
    ///
    /// # Errors
    /// [`Error::Ended`](crate::Error::Ended) where the session has ended.
    pub fn invalidate_namespace(&self) -> Result<()> {
        let (core, owner) = (Arc::clone(&self.core), self.session.owner.clone());
        self.session.defer(move || {
            let (core, owner) = (Arc::clone(&core), owner.clone());
            async move { core.invalidate_namespace(&owner).await }
        })
    }
}
