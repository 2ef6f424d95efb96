//! A load: reads Redis, asks the loader, stores what it found. A task of its own, which no caller ends.

use std::error::Error as StdError;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt;
use sea_orm::DbErr;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::client::tag_scope;
use super::core::{CacheValue, Core, Kept, Opened, Spot};
use super::far::{Far, Found, Lease};
use super::flight::{Landing, Origin, Pilot};
use super::loaded::Loaded;
use super::options::checked;
use super::scope::Seen;
use crate::error::{CacheError, Error, Result};

/// How often a load asks whether another process has ended its own.
const POLL: Duration = Duration::from_millis(20);

tokio::task_local! {
    static LOADING: Chain;
}

/// The keys that a loader is loading, from the outermost: each the name of its cache and its own.
#[derive(Clone, Default)]
pub struct Chain(Vec<(Box<str>, Box<[u8]>)>);

impl Chain {
    /// The chain of the running task, and some keys more.
    pub fn and<'s>(namespace: &str, spots: impl Iterator<Item = &'s Spot>) -> Self {
        let mut chain = LOADING.try_with(Clone::clone).unwrap_or_default();
        let own = spots.map(|spot| (namespace.into(), spot.key.whole().into()));
        chain.0.extend(own);
        chain
    }

    /// Whether the running task loads this key, so that waiting for it would be for ever.
    pub fn holds(namespace: &str, spot: &Spot) -> bool {
        let is_own = |chain: &Chain| {
            let mut keys = chain.0.iter();
            keys.any(|(cache, key)| &**cache == namespace && &**key == spot.key.whole())
        };
        LOADING.try_with(is_own).unwrap_or(false)
    }

    /// Lets a loader know its chain.
    pub fn around<T>(
        self,
        loader: impl Future<Output = T> + Send,
    ) -> impl Future<Output = T> + Send {
        LOADING.scope(self, loader)
    }
}

/// A load that is about to begin.
pub struct Load<V> {
    pub core: Arc<Core<V>>,
    pub spot: Spot,
    pub tags: Vec<String>,
    /// From before anything was asked.
    pub seen: Seen,
    pub pilot: Pilot<V>,
}

/// A load whose value Redis does not have, or not for long.
pub struct Due<V> {
    pub load: Load<V>,
    /// What Redis has all the same.
    pub found: Option<Opened<V>>,
    pub lease: Option<Lease>,
}

impl<V: CacheValue> Load<V> {
    /// Begins the task.
    pub fn spawn<F, Fut, L, E>(self, loader: F)
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let chain = Chain::and(&self.core.namespace, std::iter::once(&self.spot));
        let loader = chain.around(async move {
            match loader().await {
                Ok(loaded) => Ok(loaded.into()),
                Err(error) => Err(typed(error.into())),
            }
        });
        let tasks = self.core.shared().tasks.clone();
        tasks.spawn(self.run(loader).in_current_span());
    }

    #[tracing::instrument(
        name = "dotmac.cache.load",
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
    async fn run(self, loader: impl Future<Output = Result<Loaded<V>>> + Send) {
        let far = self.core.shared().far_in_use(&self.spot.owner).cloned();
        let found = match &far {
            Some(far) => self.ask(far).await,
            None => Found::default(),
        };
        let span = Span::current();
        let Some(due) = self.taken(found, far.as_ref()).await else {
            span.record("cache.outcome", "found");
            return;
        };
        match due.load.core.load(loader).await {
            Ok(loaded) => {
                span.record("cache.outcome", "loaded");
                due.load.store(loaded, far.as_ref(), due.lease).await;
            }
            Err(error) => {
                span.record("cache.outcome", "failed");
                span.record("otel.status_code", "ERROR");
                due.fail(error, far.as_ref()).await;
            }
        }
    }

    /// Takes what Redis has: answers with it, or tells of a stale value. What is left is to be loaded.
    pub async fn taken(self, found: Found, far: Option<&Far>) -> Option<Due<V>> {
        let (found, lease) = self.read(found, far).await;
        if let Some(found) = &found {
            if !found.is_fresh() {
                self.pilot.found_stale(found.value.clone());
            } else {
                self.pilot.land(Ok(Landing {
                    value: found.value.clone(),
                    origin: Origin::Far,
                }));
                // In the last share of its life, one process loads it again before it ends.
                if lease.as_ref().is_none_or(|lease| !lease.is_first) {
                    return None;
                }
            }
        }
        Some(Due {
            load: self,
            found,
            lease,
        })
    }

    /// Reads Redis: the value, kept in this process as well, and the right to store another.
    async fn read(&self, found: Found, far: Option<&Far>) -> (Option<Opened<V>>, Option<Lease>) {
        let Found { value, lease } = found;
        let (Some(value), Some(far)) = (value, far) else {
            return (None, lease);
        };
        match self.core.unpack(value) {
            Ok(opened) => {
                let (seen, late) = (self.seen.clone(), self.late(&opened.tags));
                let value = opened.value.clone();
                self.core
                    .keep(&self.spot, value, seen, &late, opened.kept());
                (Some(opened), lease)
            }
            // What is stored under the lease takes its place.
            Err(_) if lease.is_some() => (None, lease),
            Err(_) => (None, self.replace_unreadable(far).await),
        }
    }

    /// Asks Redis for the value, or for the right to store one. Where all processes share a load, it waits
    /// for the one that has that right.
    async fn ask(&self, far: &Far) -> Found {
        let options = &self.core.options;
        let times = options.lease_times();
        let scopes = self.core.scopes(&self.tags);
        let until = Instant::now() + options.hard_timeout;
        loop {
            let asked = far
                .lease(&[self.core.place(&self.spot)], &scopes, times)
                .await;
            let found = asked.inspect_err(|fault| self.core.fault(fault));
            let found = found.ok().and_then(|found| found.into_iter().next());
            let Some(found) = found else {
                return Found::default();
            };
            let is_others = found.lease.as_ref().is_some_and(|lease| !lease.is_first);
            let waits = options.cluster_wide && is_others && found.value.is_none();
            if !waits || Instant::now() >= until {
                return found;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Makes room for a value that can be read.
    async fn replace_unreadable(&self, far: &Far) -> Option<Lease> {
        if let Err(fault) = far.remove(self.core.place(&self.spot)).await {
            self.core.fault(&fault);
            return None;
        }
        self.ask(far).await.lease
    }

    /// Answers with the error, or with what was found instead.
    fn fail(&self, error: Error, found: Option<Opened<V>>) {
        self.core.tally.failed_loads.add(1);
        match found {
            // They have it already.
            Some(found) if found.is_fresh() => {}
            Some(found) => self.pilot.land(Ok(Landing {
                value: found.value,
                origin: Origin::Stale,
            })),
            None => self.pilot.land(Err(error)),
        }
    }

    /// Keeps what was loaded here, answers with it, and stores it in Redis.
    pub async fn store(self, loaded: Loaded<V>, far: Option<&Far>, lease: Option<Lease>) {
        let core = &self.core;
        core.tally.loads.add(1);
        let Loaded {
            value,
            ttl,
            tags,
            is_kept,
        } = loaded;
        let value = value.map(Arc::new);
        let packed = match is_kept {
            true => self.packed(value.as_deref(), ttl),
            false => None,
        };
        let late = self.late(&tags);
        if let Some((_, kept)) = &packed {
            core.keep(&self.spot, value.clone(), self.seen.clone(), &late, *kept);
        }
        self.pilot.land(Ok(Landing {
            value,
            origin: Origin::Loader,
        }));
        let (Some(far), Some(lease)) = (far, lease) else {
            return;
        };
        let Some((packed, kept)) = packed else {
            return self.forgo(far, &lease).await;
        };
        let scopes: Vec<String> = late.iter().map(|tag| tag_scope(tag)).collect();
        let place = core.place(&self.spot);
        match far.fill(place, &lease, packed, kept.left, &scopes).await {
            Ok(true) => {}
            Ok(false) => {
                // Another process invalidated it meanwhile, and its message may be on the way.
                core.tally.overtaken.add(1);
                core.drop_here(&self.spot);
                self.forgo(far, &lease).await;
            }
            Err(fault) => core.fault(&fault),
        }
    }

    /// Where all processes wait for one load: lets them go on, because nothing is stored.
    async fn forgo(&self, far: &Far, lease: &Lease) {
        if !self.core.options.cluster_wide || !lease.is_first {
            return;
        }
        let forgone = far.forgo(self.core.place(&self.spot), lease).await;
        if let Err(fault) = forgone {
            self.core.fault(&fault);
        }
    }

    /// The value as it is sent to Redis, and for how long it is kept; `None` where it cannot be.
    fn packed(&self, value: Option<&V>, ttl: Option<Duration>) -> Option<(Bytes, Kept)> {
        let options = &self.core.options;
        let (usual, stale) = match value {
            Some(_) => (options.ttl, options.stale),
            None => (options.nothing_ttl, Duration::ZERO),
        };
        let packed = checked("ttl", ttl.unwrap_or(usual)).and_then(|ttl| {
            let packed = self.core.pack(value, stale)?;
            let kept = Kept {
                left: options.jittered(ttl).saturating_add(stale),
                stale,
                bytes: packed.bytes,
            };
            Ok((packed.envelope, kept))
        });
        packed
            .inspect_err(|error| {
                self.core.tally.unfit.add(1);
                let namespace = &*self.core.namespace;
                tracing::warn!(%error, namespace, "a value is not kept");
            })
            .ok()
    }

    /// Those of the tags that were not known before the load.
    fn late(&self, tags: &[String]) -> Vec<String> {
        let late = tags.iter().filter(|tag| !self.tags.contains(tag));
        late.cloned().collect()
    }
}

impl<V: CacheValue> Due<V> {
    /// Answers with the error, or with what was found instead.
    pub async fn fail(self, error: Error, far: Option<&Far>) {
        self.load.fail(error, self.found);
        if let (Some(far), Some(lease)) = (far, self.lease) {
            self.load.forgo(far, &lease).await;
        }
    }
}

impl<V: CacheValue> Core<V> {
    /// Runs a loader, within the hard timeout and whatever it does.
    pub async fn load<T>(&self, loader: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let begun = Instant::now();
        let namespace = || self.namespace.to_string();
        let loader = AssertUnwindSafe(loader).catch_unwind();
        let ended = tokio::time::timeout(self.options.hard_timeout, loader).await;
        let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.tally.load_micros.add(micros);
        match ended {
            Ok(Ok(loaded)) => loaded,
            Ok(Err(_)) => {
                tracing::error!(namespace = &*self.namespace, "a loader panicked");
                Err(CacheError::Panicked {
                    namespace: namespace(),
                }
                .into())
            }
            Err(_) => Err(CacheError::TimedOut {
                namespace: namespace(),
            }
            .into()),
        }
    }
}

/// An error of this crate or of SeaORM as itself, any other as the cause of one.
pub fn typed(error: Box<dyn StdError + Send + Sync>) -> Error {
    let error = match error.downcast::<Error>() {
        Ok(error) => return *error,
        Err(error) => error,
    };
    match error.downcast::<DbErr>() {
        Ok(error) => Error::from(*error),
        Err(error) => CacheError::Load(Arc::from(error)).into(),
    }
}
