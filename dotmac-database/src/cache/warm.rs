//! `Warm`: fills a cache before it is asked.

use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::core::{CacheValue, Core, Spot};
use super::loaded::Loaded;
use super::lookup::Lookup;

/// Fills a cache with the values of some keys, from [`SmartCache::warm`](super::SmartCache::warm).
///
/// Each key is loaded as [`get_or_load`](super::SmartCache::get_or_load) does, so that a value that is newer,
/// or was invalidated meanwhile, is never overwritten.
#[must_use = "nothing is loaded before `run`"]
pub struct Warm<K, V> {
    core: Arc<Core<V>>,
    keys: Vec<(K, Spot)>,
    concurrency: usize,
    pause: Option<Duration>,
    refresh: bool,
}

/// What a [`Warm`] did so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Warmed {
    /// Keys that were loaded, or there already.
    pub done: usize,
    /// Keys whose loader failed.
    pub failed: usize,
    /// All keys.
    pub of: usize,
}

impl<K: Clone + Send + 'static, V: CacheValue> Warm<K, V> {
    pub(super) fn new(core: &Arc<Core<V>>, keys: Vec<(K, Spot)>) -> Self {
        Warm {
            core: Arc::clone(core),
            keys,
            concurrency: 8,
            pause: None,
            refresh: false,
        }
    }

    /// How many keys are loaded at the same time; 8 by default.
    pub fn concurrency(self, concurrency: usize) -> Self {
        Warm {
            concurrency: concurrency.max(1),
            ..self
        }
    }

    /// How many keys begin to be loaded in a second; by default as many as can be.
    pub fn per_second(self, keys: u32) -> Self {
        Warm {
            pause: Some(Duration::from_secs(1) / keys.max(1)),
            ..self
        }
    }

    /// Loads also what is there: each key is removed first.
    pub fn refresh(self) -> Self {
        Warm {
            refresh: true,
            ..self
        }
    }

    /// Loads, and tells `progress` after each key. A loader that fails is counted and logged, and the others
    /// go on.
    ///
    /// # Cancel safety
    /// Dropping the future begins no further load; those that have begun end.
    pub async fn run<F, Fut, L, E>(self, loader: F, mut progress: impl FnMut(Warmed)) -> Warmed
    where
        F: Fn(K) -> Fut,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let mut warmed = Warmed {
            of: self.keys.len(),
            ..Warmed::default()
        };
        let (core, refresh) = (self.core, self.refresh);
        let loads = paced(self.keys, self.pause).map(|(key, spot)| {
            let load = loader(key);
            let core = Arc::clone(&core);
            async move {
                if refresh {
                    core.remove(&spot).await?;
                }
                Lookup::new(&core, spot).get_or_load(move || load).await
            }
        });
        let mut loads = std::pin::pin!(loads.buffer_unordered(self.concurrency));
        while let Some(loaded) = loads.next().await {
            match loaded {
                Ok(_) => warmed.done += 1,
                Err(error) => {
                    tracing::warn!(?error, "a key was not loaded");
                    warmed.failed += 1;
                }
            }
            progress(warmed);
        }
        warmed
    }
}

/// The items, one after each pause.
fn paced<T>(items: Vec<T>, pause: Option<Duration>) -> impl stream::Stream<Item = T> {
    let ticks = pause.map(|pause| {
        let mut ticks = interval_at(Instant::now(), pause);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    });
    stream::unfold(
        (items.into_iter(), ticks),
        |(mut items, mut ticks)| async move {
            let item = items.next()?;
            if let Some(ticks) = &mut ticks {
                ticks.tick().await;
            }
            Some((item, (items, ticks)))
        },
    )
}
