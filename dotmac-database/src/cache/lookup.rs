//! `Lookup`: one key of one owner, and the tags that its value is invalidated by.

use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::Span;
use tracing::field::Empty;

use super::core::{CacheValue, Core, Spot};
use super::flight::{Boarding, Landing, Origin, Outcome, Pilot, Progress, landed, stale};
use super::load::{Chain, Load, typed};
use super::loaded::Loaded;
use super::mode::CacheMode;
use super::near::{Age, Entry};
use super::statistics::Answer;
use crate::error::{CacheError, Result};

/// A key of a cache, from [`SmartCache::lookup`](super::SmartCache::lookup): for values with tags.
pub struct Lookup<V> {
    pub(super) core: Arc<Core<V>>,
    pub(super) spot: Spot,
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
        match self.core.glance(self.spot.key.whole()) {
            Ok(value) => Ok(value),
            // Apart, so that the future of a hit in the process is small.
            Err(old) => Box::pin(self.get_or_load_beyond(loader, old)).await,
        }
    }

    /// The same, of what is not in this process, or stale there.
    pub(super) async fn get_or_load_beyond<F, Fut, L, E>(
        self,
        loader: F,
        old: Option<Arc<Entry<V>>>,
    ) -> Result<Option<Arc<V>>>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        if self.core.shared().switch.mode() == CacheMode::Off {
            self.core.tally.misses.add(1);
            let loaded = loader().await.map_err(|error| typed(error.into()))?;
            return Ok(loaded.into().value.map(Arc::new));
        }
        self.ask(loader, old).await
    }

    /// What is not in this process, or stale: joins the load that is under way, or begins one.
    #[tracing::instrument(
        name = "dotmac.cache.get",
        level = "debug",
        skip_all,
        fields(
            otel.kind = "internal",
            otel.status_code = Empty,
            tenant.id = self.spot.owner.as_str(),
            cache.namespace = &*self.core.namespace,
            cache.outcome = Empty,
        )
    )]
    async fn ask<F, Fut, L, E>(
        &self,
        loader: F,
        old: Option<Arc<Entry<V>>>,
    ) -> Result<Option<Arc<V>>>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let core = &self.core;
        if Chain::holds(&core.namespace, &self.spot) {
            core.tally.answer(Answer::Miss);
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
                if let Some(entry) = core.kept_meanwhile(&self.spot, &pilot) {
                    core.tally.answer(Answer::Near);
                    return Ok(entry.value.clone());
                }
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
        let tally = &self.core.tally;
        if let Some(entry) = old {
            tally.answer(Answer::StaleNear);
            return Ok(entry.value.clone());
        }
        // Redis may tell of a stale value later than that.
        let known = progress
            .wait_for(|it| !matches!(it, Progress::Pending))
            .await;
        drop(known);
        if let Some(value) = stale(&progress) {
            tally.answer(Answer::StaleFar);
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
                tally.answer(match landing.origin {
                    Origin::Near => Answer::Near,
                    Origin::Far => Answer::Far,
                    Origin::Loader => Answer::Miss,
                    Origin::Stale => Answer::StaleFar,
                });
                Ok(landing.value)
            }
            (Err(_), Some(entry)) => {
                tally.answer(Answer::StaleNear);
                Ok(entry.value.clone())
            }
            (Err(error), None) => {
                tally.answer(Answer::Miss);
                Span::current().record("otel.status_code", "ERROR");
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

impl<V: CacheValue> Core<V> {
    /// What a load that has ended since the look has kept: whoever starts one looks again, so that no two
    /// follow each other. Those who have joined meanwhile get it too.
    pub(super) fn kept_meanwhile(&self, spot: &Spot, pilot: &Pilot<V>) -> Option<Arc<Entry<V>>> {
        if !self.shared().switch.mode().uses_near() {
            return None;
        }
        let (entry, age) = self.near.find(&spot.key)?;
        if age != Age::Fresh {
            return None;
        }
        pilot.land(Ok(Landing {
            value: entry.value.clone(),
            origin: Origin::Near,
        }));
        Some(entry)
    }
}
