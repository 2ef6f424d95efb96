//! Invalidation by a pattern of keys.

use scopeguard::guard;

use super::core::{CacheValue, Core};
use super::glob::Glob;
use super::scope::Scopes;
use super::smart::SmartCache;
use crate::context::{Owner, OwnerName};
use crate::error::{CacheError, Error, Result};

/// How many patterns a cache of an owner has at a time.
const MAX_PATTERNS: u32 = 64;

impl<V: CacheValue, S> SmartCache<V, S> {
    /// Invalidates the entries whose keys are of a pattern, in one step, however many there are: `*` stands
    /// for any text, also over several components, and `:` separates components. `order:*:draft` ends
    /// `("order", 7, "draft")`. Keys that are so long that they are written as a hash are ended by every
    /// pattern.
    ///
    /// Redis remembers a pattern until the entries that are older have ended, and compares it with the key of
    /// each when it is read; hence there are 64 at most. Where only the first components count,
    /// [`invalidate_prefix`](Self::invalidate_prefix) has no bound. Processes give up all that they keep of
    /// the cache for the owner, and what is loaded meanwhile is not stored.
    ///
    /// # Errors
    /// [`Error::Config`] for a pattern that is empty or longer than 200 bytes, and where the cache was not
    /// made for [`patterns`](super::CacheOptions::patterns); [`CacheError::TooManyPatterns`], after which
    /// nothing is invalidated; as [`delete`](Self::delete).
    ///
    /// # Cancel safety
    /// As [`delete`](Self::delete).
    pub async fn invalidate_matching(&self, owner: impl Owner<S>, pattern: &str) -> Result<()> {
        let core = self.core();
        let owner = owner.owner(&core.namespace)?;
        core.invalidate_matching(&owner, &core.glob(pattern)?).await
    }
}

impl<V: CacheValue> Core<V> {
    /// A pattern of its keys.
    pub fn glob(&self, pattern: &str) -> Result<Glob> {
        if !self.options.patterns {
            return Err(Error::Config {
                variable: "patterns",
                reason:
                    "of the cache must be on to invalidate by them: call `CacheOptions::patterns`"
                        .to_owned(),
            });
        }
        Glob::parse(pattern)
    }

    /// Invalidates by a pattern where nobody can be told of too many: one more ends the whole cache.
    pub async fn invalidate_matching_or_all(&self, owner: &OwnerName, glob: &Glob) -> Result<()> {
        match self.invalidate_matching(owner, glob).await {
            Err(Error::Cache(CacheError::TooManyPatterns { .. })) => {
                self.invalidate_namespace(owner).await
            }
            matched => matched,
        }
    }

    async fn invalidate_matching(&self, owner: &OwnerName, glob: &Glob) -> Result<()> {
        let scopes: &Scopes = &self.shared().scopes;
        let here = || scopes.drop_namespace(owner, &self.namespace);
        here();
        let Some(far) = &self.shared().far else {
            return Ok(());
        };
        // Also where the future is dropped: what was read from Redis in between is old.
        let again = guard((), |()| here());
        let matched = far
            .invalidate_matching(owner, &self.namespace, glob, MAX_PATTERNS)
            .await;
        drop(again);
        let is_taken = matched.map_err(|fault| self.refused(fault))?;
        match is_taken {
            true => Ok(()),
            false => Err(CacheError::TooManyPatterns {
                namespace: self.namespace.to_string(),
                most: MAX_PATTERNS,
            }
            .into()),
        }
    }
}
