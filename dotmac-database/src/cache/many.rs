//! Many keys at once: one question to Redis, one load for all that are missing.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

use futures_util::future::join_all;
use tracing::Instrument;

use super::core::{CacheValue, Core, Spot};
use super::flight::Boarding;
use super::key::CacheKey;
use super::load::{Chain, Due, Load, typed};
use super::loaded::Loaded;
use super::lookup::Lookup;
use super::mode::CacheMode;
use super::near::Age;
use crate::error::{CacheError, Result};

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
    let mode = core.shared().switch.mode();
    let mut values = Values::new();
    if mode == CacheMode::Off {
        core.tally.misses.add(as_count(keys.len()));
        let keys = keys.into_iter().map(|(key, _)| key).collect();
        let loaded = loader(keys).await.map_err(|error| typed(error.into()))?;
        values.extend(
            loaded
                .into_iter()
                .map(|(key, value)| (key, Arc::new(value))),
        );
        return Ok(values);
    }
    let mut missing = Vec::new();
    for (key, spot) in keys {
        let near = mode
            .uses_near()
            .then(|| core.near.find(&spot.key))
            .flatten();
        match near {
            Some((entry, Age::Fresh)) => {
                core.tally.near_hits.add(1);
                if let Some(value) = &entry.value {
                    values.insert(key, Arc::clone(value));
                }
            }
            Some((entry, Age::Stale)) => missing.push((key, spot, Some(entry))),
            None => missing.push((key, spot, None)),
        }
    }
    // Before anything is begun, so that nothing has to be given up.
    if missing
        .iter()
        .any(|it| Chain::holds(&core.namespace, &it.1))
    {
        core.tally.misses.add(as_count(missing.len()));
        return Err(CacheError::LoadsItself {
            namespace: core.namespace.to_string(),
        }
        .into());
    }
    let mut waits = Vec::new();
    let mut loads = Vec::new();
    for (key, spot, old) in missing {
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
        tasks.spawn(run(Arc::clone(core), chain, loads, loader).in_current_span());
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
    Ok(values)
}

/// The task: asks Redis for all, the loader for what is left, and stores what it found.
async fn run<K, V, F, Fut, E>(core: Arc<Core<V>>, chain: Chain, loads: Vec<(K, Load<V>)>, loader: F)
where
    K: Clone + Eq + Hash + Send + 'static,
    V: CacheValue,
    F: FnOnce(Vec<K>) -> Fut + Send + 'static,
    Fut: Future<Output = Result<HashMap<K, V>, E>> + Send + 'static,
    E: Into<Box<dyn StdError + Send + Sync>> + 'static,
{
    // All keys of a call are one owner's.
    let owner = loads.first().map(|(_, load)| &load.spot.owner);
    let far = owner
        .and_then(|owner| core.shared().far_in_use(owner))
        .cloned();
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
            for (_, due) in due {
                due.load.fail(error.clone(), due.found);
            }
        }
    }
}

fn as_count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
