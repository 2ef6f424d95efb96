//! `Physical`: removal from Redis itself, for erasure that the law asks for.

use std::sync::Arc;

use super::client::{CacheClient, Shared, tag_scope};
use super::far::{Place, literal};
use super::key::{CacheKey, EncodedKey, KeyWriter};
use super::scope::Scopes;
use crate::context::{Owner, OwnerName};
use crate::error::{CacheError, Result};

/// Removes what is cached from the memory of Redis, from [`CacheClient::physical`].
///
/// Each function invalidates first, so that nothing is found any more and what is being loaded is not
/// stored, and then goes through the keys in small steps (SCAN, UNLINK), none of which holds Redis up. It
/// takes as long as Redis has keys: where it is enough that nobody finds a value, invalidate.
///
/// # Guarantees
/// What was cached when the function was called is not in the memory of the masters when it answers. Not
/// meant: replicas, files and backups of Redis, which have times of their own; and the memory of processes,
/// where values are unreachable at once, and gone after `near_ttl` and `stale` at the latest.
#[derive(Clone)]
pub struct Physical {
    shared: Arc<Shared>,
    owner: OwnerName,
}

impl CacheClient {
    /// Removal from Redis itself of what is cached for the tenant of a context, or for
    /// [`Global`](crate::Global).
    ///
    /// # Errors
    /// [`Error::MissingTenant`](crate::Error::MissingTenant).
    pub fn physical<S>(&self, owner: impl Owner<S>) -> Result<Physical> {
        Ok(Physical {
            shared: Arc::clone(self.shared()),
            owner: owner.owner("cache")?,
        })
    }
}

impl Physical {
    /// Removes the entry of a key; how many keys of Redis it had, 0 or 1. Keys of an
    /// [`EntityCache`](super::EntityCache), and those of values that depend on a table, hold more than the key: remove
    /// them by `namespace` or `tag`.
    ///
    /// # Errors
    /// [`CacheError::Redis`]: then it may be removed or not; call it again.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the rest where it is; call it again.
    pub async fn key(&self, namespace: &str, key: impl CacheKey) -> Result<u64> {
        let mut writer = KeyWriter::of(self.owner.as_str());
        key.write(&mut writer);
        let key = EncodedKey::of(writer);
        let here = |scopes: &Scopes| scopes.drop_key(&self.owner, namespace, key.bare());
        here(&self.shared.scopes);
        let Some(far) = &self.shared.far else {
            return Ok(0);
        };
        let place = Place {
            namespace,
            owner: &self.owner,
            key: &key,
        };
        let removed = far.remove(place).await;
        here(&self.shared.scopes);
        Ok(u64::from(removed.map_err(CacheError::from)?))
    }

    /// Removes the entries with a tag, of all caches; how many.
    ///
    /// # Errors
    /// As [`key`](Self::key).
    ///
    /// # Cancel safety
    /// As [`key`](Self::key).
    pub async fn tag(&self, tag: &str) -> Result<u64> {
        self.shared.invalidate_tags(&self.owner, &[tag]).await?;
        let scope = tag_scope(tag);
        self.each("v:*", Some(&scope)).await
    }

    /// Removes all entries of a cache; how many, loads under way among them.
    ///
    /// # Errors
    /// As [`key`](Self::key).
    ///
    /// # Cancel safety
    /// As [`key`](Self::key).
    pub async fn namespace(&self, namespace: &str) -> Result<u64> {
        let here = |scopes: &Scopes| scopes.drop_namespace(&self.owner, namespace);
        let scope = format!("n:{namespace}");
        self.shared.invalidate(&self.owner, &[scope], here).await?;
        let keys = format!("[vl]:{}:*", literal(namespace));
        self.each(&keys, None).await
    }

    /// Removes everything that is cached of the tenant: entries, and the names of tags and caches; how many
    /// keys of Redis. Its locks and rates stay: they are no cache.
    ///
    /// # Errors
    /// As [`key`](Self::key).
    ///
    /// # Cancel safety
    /// As [`key`](Self::key).
    pub async fn tenant(&self) -> Result<u64> {
        self.shared.invalidate_owner(&self.owner).await?;
        self.each("[vlt]:*", None).await
    }

    /// Goes through the keys of all homes that go on with a pattern, and removes them, or of values those
    /// that have a scope; how many.
    async fn each(&self, rest: &str, with_scope: Option<&str>) -> Result<u64> {
        let Some(far) = &self.shared.far else {
            return Ok(0);
        };
        let mut removed = 0;
        for home in far.homes(&self.owner) {
            let mut walk = far.walk_home(&home, rest);
            while let Some(keys) = walk.next().await.map_err(CacheError::from)? {
                let step = match with_scope {
                    Some(scope) => far.erase(&home, &keys, scope).await,
                    None => far.unlink(&home, &keys).await,
                };
                removed += step.map_err(CacheError::from)?;
            }
        }
        Ok(removed)
    }
}

impl std::fmt::Debug for Physical {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Physical")
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}
