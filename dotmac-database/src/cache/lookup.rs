//! `Lookup`: one key of one owner, and the tags that its value is invalidated by.

use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::core::{CacheValue, Core, Spot};
use super::flight::{Boarding, Origin, Outcome, Progress, landed, stale};
use super::load::{Chain, Load, typed};
use super::loaded::Loaded;
use super::mode::CacheMode;
use super::near::{Age, Entry};
use crate::error::{CacheError, Result};

/// A key of a cache, from [`SmartCache::lookup`](super::SmartCache::lookup): for values with tags.
pub struct Lookup<V> {
    core: Arc<Core<V>>,
    spot: Spot,
    tags: Vec<String>,
}

impl<V: CacheValue> Lookup<V> {
    pub(super) fn new(core: &Arc<Core<V>>, spot: Spot) -> Self {
        Lookup {
            core: Arc::clone(core),
            tags: spot.tags.clone(),
            spot,
        }
    }

    /// Adds a tag that the value is invalidated by. A loader can add more, but one that is known before
    /// the load is exact: with any other, an invalidation of any tag of the tenant during the load keeps
    /// the value from being stored.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        let tag = tag.into();
        if !self.tags.contains(&tag) {
            self.tags.push(tag);
        }
        self
    }

    /// The value, loaded where it is not cached; as
    /// [`SmartCache::get_or_load`](super::SmartCache::get_or_load).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the load to go on for those who wait, and for the cache.
    pub async fn get_or_load<F, Fut, L, E>(self, loader: F) -> Result<Option<Arc<V>>>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let core = &self.core;
        let mode = core.shared().switch.mode();
        if mode == CacheMode::Off {
            core.tally.misses.add(1);
            let loaded = loader().await.map_err(|error| typed(error.into()))?;
            return Ok(loaded.into().value.map(Arc::new));
        }
        let old = match mode
            .uses_near()
            .then(|| core.near.find(&self.spot.key))
            .flatten()
        {
            Some((entry, Age::Fresh)) => {
                core.tally.near_hits.add(1);
                return Ok(entry.value.clone());
            }
            Some((entry, Age::Stale)) => Some(entry),
            None => None,
        };
        if Chain::holds(&core.namespace, &self.spot) {
            return Err(CacheError::LoadsItself {
                namespace: core.namespace.to_string(),
            }
            .into());
        }
        let seen = core.see(&self.spot, &self.tags);
        let progress = match core.flights.board(&self.spot.key, &seen) {
            Boarding::Joined(progress) => {
                core.tally.coalesced.add(1);
                progress
            }
            Boarding::First(pilot, progress) => {
                let load = Load {
                    core: Arc::clone(core),
                    spot: self.spot.clone(),
                    tags: self.tags.clone(),
                    seen,
                    pilot,
                };
                load.spawn(loader);
                progress
            }
        };
        self.wait(progress, old).await
    }

    /// Waits for the load, or takes a stale value where that comes first.
    pub(super) async fn wait(
        &self,
        mut progress: watch::Receiver<Progress<V>>,
        old: Option<Arc<Entry<V>>>,
    ) -> Result<Option<Arc<V>>> {
        let options = &self.core.options;
        if options.stale.is_zero() {
            return self.take(landed(&mut progress).await, None);
        }
        let soon = tokio::time::timeout(options.soft_timeout, landed(&mut progress)).await;
        if let Ok(outcome) = soon {
            return self.take(outcome, old);
        }
        if let Some(entry) = old {
            self.core.tally.near_hits.add(1);
            self.core.tally.stale.add(1);
            return Ok(entry.value.clone());
        }
        // Redis may tell of a stale value later than that.
        let known = progress
            .wait_for(|it| !matches!(it, Progress::Pending))
            .await;
        drop(known);
        if let Some(value) = stale(&progress) {
            self.core.tally.far_hits.add(1);
            self.core.tally.stale.add(1);
            return Ok(value);
        }
        self.take(landed(&mut progress).await, None)
    }

    /// Counts what the load came to.
    fn take(
        &self,
        outcome: Option<Outcome<V>>,
        old: Option<Arc<Entry<V>>>,
    ) -> Result<Option<Arc<V>>> {
        let tally = &self.core.tally;
        let outcome = outcome.unwrap_or_else(|| {
            Err(CacheError::Panicked {
                namespace: self.core.namespace.to_string(),
            }
            .into())
        });
        match (outcome, old) {
            (Ok(landing), _) => {
                match landing.origin {
                    Origin::Far => tally.far_hits.add(1),
                    Origin::Loader => tally.misses.add(1),
                    Origin::Stale => {
                        tally.far_hits.add(1);
                        tally.stale.add(1);
                    }
                }
                Ok(landing.value)
            }
            (Err(_), Some(entry)) => {
                tally.near_hits.add(1);
                tally.stale.add(1);
                Ok(entry.value.clone())
            }
            (Err(error), None) => {
                tally.misses.add(1);
                Err(error)
            }
        }
    }

    /// Stores a value; as [`SmartCache::set`](super::SmartCache::set).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn set(self, value: V) -> Result<()> {
        let ttl = self.core.options.ttl;
        let write = super::far::Write::Always;
        self.core
            .write(&self.spot, value, ttl, write, &self.tags)
            .await?;
        Ok(())
    }

    /// The same, for so long.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn set_for(self, value: V, ttl: Duration) -> Result<()> {
        let write = super::far::Write::Always;
        self.core
            .write(&self.spot, value, ttl, write, &self.tags)
            .await?;
        Ok(())
    }
}
