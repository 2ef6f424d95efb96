//! Many keys at once: one question to Redis, one load for all that are missing.

use std::collections::{BTreeSet, HashMap};
use std::error::Error as StdError;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

use futures_util::future::join_all;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::core::{CacheValue, Core, Opened, Spot};
use super::far::{Far, FarValue, Place};
use super::flight::Boarding;
use super::key::CacheKey;
use super::load::{Chain, Due, Load, typed};
use super::loaded::Loaded;
use super::lookup::Lookup;
use super::mode::CacheMode;
use super::near::Entry;
use super::scope::Seen;
use crate::error::{CacheError, RedisFault, Result};

/// How many keys one script reads, so that Redis is not held up.
const CHUNK: usize = 500;

/// The values of some keys; a key without one is not in it.
pub type Values<K, V> = HashMap<K, Arc<V>>;

/// Finds the values of all keys, and loads those that are missing with one call of the loader, which
/// answers those that there are.
pub async fn get_many<K, V, F, Fut, E>(
    core: &Arc<Core<V>>,
    keys: Vec<(K, Spot)>,
    loader: F,
) -> Result<Values<K, V>>
where
    K: CacheKey + Clone + Eq + Hash + Send + Sync + 'static,
    V: CacheValue,
    F: FnOnce(Vec<K>) -> Fut + Send + 'static,
    Fut: Future<Output = Result<HashMap<K, V>, E>> + Send + 'static,
    E: Into<Box<dyn StdError + Send + Sync>> + 'static,
{
    let mut values = Values::with_capacity(keys.len());
    if core.shared().switch.mode() == CacheMode::Off {
        core.tally.misses.add(as_count(keys.len()));
        let keys = keys.into_iter().map(|(key, _)| key).collect();
        let loaded = loader(keys).await.map_err(|error| typed(error.into()))?;
        let loaded = loaded.into_iter();
        values.extend(loaded.map(|(key, value)| (key, Arc::new(value))));
        return Ok(values);
    }
    let mut missing = Vec::with_capacity(keys.len());
    for (key, spot) in keys {
        match core.glance(spot.key.whole()) {
            Ok(value) => values.extend(value.map(|value| (key, value))),
            Err(old) => missing.push(Missing { key, spot, old }),
        }
    }
    if !missing.is_empty() {
        find_missing(core, missing, loader, &mut values).await?;
    }
    Ok(values)
}

/// What the process does not have.
struct Missing<K, V> {
    key: K,
    spot: Spot,
    /// It has a stale value.
    old: Option<Arc<Entry<V>>>,
}

/// Finds what the process does not have.
#[tracing::instrument(
    name = "dotmac.cache.get_many",
    level = "debug",
    skip_all,
    fields(
        otel.kind = "internal",
        otel.status_code = Empty,
        tenant.id = missing.first().map(|it| it.spot.owner.as_str()),
        cache.namespace = &*core.namespace,
        cache.keys = missing.len(),
        cache.far_hits = Empty,
    )
)]
async fn find_missing<K, V, F, Fut, E>(
    core: &Arc<Core<V>>,
    missing: Vec<Missing<K, V>>,
    loader: F,
    values: &mut Values<K, V>,
) -> Result<()>
where
    K: CacheKey + Clone + Eq + Hash + Send + Sync + 'static,
    V: CacheValue,
    F: FnOnce(Vec<K>) -> Fut + Send + 'static,
    Fut: Future<Output = Result<HashMap<K, V>, E>> + Send + 'static,
    E: Into<Box<dyn StdError + Send + Sync>> + 'static,
{
    let span = Span::current();
    // Before anything is begun, so that nothing has to be given up.
    if missing
        .iter()
        .any(|it| Chain::holds(&core.namespace, &it.spot))
    {
        core.tally.misses.add(as_count(missing.len()));
        span.record("otel.status_code", "ERROR");
        return Err(CacheError::LoadsItself {
            namespace: core.namespace.to_string(),
        }
        .into());
    }
    let asked = missing.len();
    let (missing, far) = take_far(core, missing, values).await;
    span.record("cache.far_hits", asked - missing.len());
    let mut waits = Vec::new();
    let mut loads = Vec::new();
    for Missing { key, spot, old } in missing {
        let seen = core.see(&spot, &[]);
        let progress = match core.flights.board(&spot.key, &seen) {
            Boarding::Joined(progress) => {
                core.tally.coalesced.add(1);
                progress
            }
            Boarding::First(pilot, progress) => {
                if let Some(entry) = core.kept_meanwhile(&spot, &pilot) {
                    core.tally.near_hits.add(1);
                    values.extend(entry.value.clone().map(|value| (key, value)));
                    continue;
                }
                let load = Load {
                    core: Arc::clone(core),
                    spot: spot.clone(),
                    tags: Vec::new(),
                    seen,
                    pilot,
                };
                loads.push((key.clone(), load));
                progress
            }
        };
        waits.push((key, Lookup::new(core, spot), progress, old));
    }
    if !loads.is_empty() {
        let tasks = core.shared().tasks.clone();
        let chain = Chain::and(&core.namespace, loads.iter().map(|(_, load)| &load.spot));
        tasks.spawn(run(Arc::clone(core), chain, loads, far, loader).in_current_span());
    }
    let waits = waits
        .into_iter()
        .map(|(key, lookup, progress, old)| async move {
            lookup.wait(progress, old).await.map(|value| (key, value))
        });
    for landed in join_all(waits).await {
        let (key, value) = landed?;
        values.extend(value.map(|value| (key, value)));
    }
    Ok(())
}

/// Takes what Redis has and what need not be loaded again soon, by plain reads: nothing is begun, and nobody has
/// to wait. What is left, and Redis, unless it did not answer.
async fn take_far<K: Eq + Hash, V: CacheValue>(
    core: &Core<V>,
    missing: Vec<Missing<K, V>>,
    values: &mut Values<K, V>,
) -> (Vec<Missing<K, V>>, Option<Far>) {
    // All keys of a call are one owner's.
    let owner = missing.first().map(|it| &it.spot.owner);
    let Some(far) = owner.and_then(|owner| core.shared().far_in_use(owner)) else {
        return (missing, None);
    };
    let refresh = core.options.lease_times().refresh;
    let mut left = Vec::new();
    let mut missing = missing.into_iter();
    loop {
        let chunk: Vec<Missing<K, V>> = missing.by_ref().take(CHUNK).collect();
        if chunk.is_empty() {
            return (left, Some(far.clone()));
        }
        let spots: Vec<&Spot> = chunk.iter().map(|it| &it.spot).collect();
        let found = match look_at(core, far, &spots).await {
            Ok(found) => found,
            Err(fault) => {
                core.fault(&fault);
                left.extend(chunk);
                left.extend(missing);
                return (left, None);
            }
        };
        for (it, (seen, found)) in chunk.into_iter().zip(found) {
            let found = found.filter(|found| found.left > refresh);
            // What cannot be read is counted by its load.
            let opened = found.and_then(|found| core.open(found).ok());
            match opened.filter(Opened::is_fresh) {
                Some(opened) => {
                    core.tally.far_hits.add(1);
                    let value = core.take(&it.spot, seen, opened);
                    values.extend(value.map(|value| (it.key, value)));
                }
                None => left.push(it),
            }
        }
    }
}

/// What Redis has of some entries, and what is seen of each from before it is asked.
async fn look_at<V: CacheValue>(
    core: &Core<V>,
    far: &Far,
    spots: &[&Spot],
) -> Result<Vec<(Seen, Option<FarValue>)>, RedisFault> {
    let tags: BTreeSet<&String> = spots.iter().flat_map(|spot| &spot.tags).collect();
    let tags: Vec<String> = tags.into_iter().cloned().collect();
    let seen: Vec<Seen> = spots
        .iter()
        .map(|spot| core.see(spot, &spot.tags))
        .collect();
    let places: Vec<Place<'_>> = spots.iter().map(|spot| core.place(spot)).collect();
    let found = far.look(&places, &core.scopes(&tags), &core.habit).await?;
    Ok(seen.into_iter().zip(found).collect())
}

/// The task: asks Redis for all, the loader for what is left, and stores what it found.
async fn run<K, V, F, Fut, E>(
    core: Arc<Core<V>>,
    chain: Chain,
    loads: Vec<(K, Load<V>)>,
    far: Option<Far>,
    loader: F,
) where
    K: Clone + Eq + Hash + Send + 'static,
    V: CacheValue,
    F: FnOnce(Vec<K>) -> Fut + Send + 'static,
    Fut: Future<Output = Result<HashMap<K, V>, E>> + Send + 'static,
    E: Into<Box<dyn StdError + Send + Sync>> + 'static,
{
    let mut due: Vec<(K, Due<V>)> = Vec::new();
    let mut loads = loads.into_iter().peekable();
    while loads.peek().is_some() {
        let chunk: Vec<(K, Load<V>)> = loads.by_ref().take(CHUNK).collect();
        let mut found = match &far {
            Some(far) => {
                let places: Vec<_> = chunk.iter().map(|(_, it)| core.place(&it.spot)).collect();
                let scopes = core.scopes(&[]);
                let asked = far
                    .lease(&places, &scopes, core.options.lease_times())
                    .await;
                asked
                    .inspect_err(|fault| core.fault(fault))
                    .unwrap_or_default()
            }
            None => Vec::new(),
        }
        .into_iter();
        for (key, load) in chunk {
            let found = found.next().unwrap_or_default();
            due.extend(load.taken(found, far.as_ref()).await.map(|it| (key, it)));
        }
    }
    if due.is_empty() {
        return;
    }
    let keys: Vec<K> = due.iter().map(|(key, _)| key.clone()).collect();
    let loader =
        chain.around(async move { loader(keys).await.map_err(|error| typed(error.into())) });
    match core.load(loader).await {
        Ok(mut loaded) => {
            let stores = due.into_iter().map(|(key, due)| {
                let loaded = Loaded::from(loaded.remove(&key));
                let tags = due.load.spot.tags.clone();
                let loaded = tags.into_iter().fold(loaded, Loaded::tag);
                due.load.store(loaded, far.as_ref(), due.lease)
            });
            join_all(stores).await;
        }
        Err(error) => {
            let failures = due
                .into_iter()
                .map(|(_, due)| due.fail(error.clone(), far.as_ref()));
            join_all(failures).await;
        }
    }
}

fn as_count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
