//! `SmartCache`: the public type.

use std::collections::{HashMap, HashSet};
use std::error::Error as StdError;
use std::future::Future;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::future::join_all;

use super::client::CacheClient;
use super::client_statistics::Counted;
use super::core::{CacheValue, Core, Spot};
use super::far::Write;
use super::key::{CacheKey, KeyWriter};
use super::loaded::Loaded;
use super::lookup::Lookup;
use super::many::get_many;
use super::near::Entry;
use super::options::CacheOptions;
use super::statistics::CacheStatistics;
use super::warm::Warm;
use crate::context::{Global, Owner, PerTenant};
use crate::error::Result;

/// A cache of values of one type, under a name of its own, for each tenant apart.
///
/// The tenant is taken from the context that each call is given, and is part of every key: a context without
/// one is an error, and there is no way to name another tenant's entries. A cache that all tenants share is
/// asked for by [`global`](SmartCache::global), and its calls take [`Global`] instead of a context.
///
/// Values are found in the process, behind an `Arc`, or in Redis, in one round trip, or loaded, once for all
/// callers that ask at the same time. Handles are cheap to clone.
///
/// # Guarantees
/// - A value that was invalidated, or replaced, after its load began is not stored, in no process.
/// - A load goes on when its caller goes away. It is given up after the hard timeout.
/// - Redis that is away, slow or full is never the error of a read: the value is loaded.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// use dotmac_database::RequestContext;
/// use dotmac_database::cache::{CacheClient, CacheOptions, SmartCache};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> dotmac_database::Result<()> {
/// let client = CacheClient::in_process(); // or CacheClient::connect(&redis)?
/// let options = CacheOptions::new(Duration::from_secs(300));
/// let totals = SmartCache::<i64>::new("totals", &client, options)?;
///
/// let acme = RequestContext::tenant("acme")?;
/// let load = || async { Ok::<_, dotmac_database::Error>(990) };
/// let total = totals.get_or_load(&acme, ("order", 7), load).await?;
/// assert_eq!(total.as_deref(), Some(&990));
///
/// let beta = RequestContext::tenant("beta")?;
/// assert_eq!(totals.get(&beta, ("order", 7)).await?, None);
/// # Ok(()) }
/// ```
pub struct SmartCache<V, S = PerTenant> {
    core: Arc<Core<V>>,
    sharing: PhantomData<fn() -> S>,
}

impl<V: CacheValue> SmartCache<V> {
    /// A cache for tenants. The namespace is the name of its entries in Redis: two caches of one name
    /// share them.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for a name that is not 1 to 64 of the ASCII letters, digits,
    /// `_`, `-` and `.`, and for options that cannot be used.
    pub fn new(namespace: &str, client: &CacheClient, options: CacheOptions) -> Result<Self> {
        Self::of(namespace, client, options)
    }
}

impl<V: CacheValue> SmartCache<V, Global> {
    /// A cache whose entries belong to no tenant.
    ///
    /// # Errors
    /// As [`new`](SmartCache::new).
    pub fn global(namespace: &str, client: &CacheClient, options: CacheOptions) -> Result<Self> {
        Self::of(namespace, client, options)
    }
}

impl<V: CacheValue, S> SmartCache<V, S> {
    fn of(namespace: &str, client: &CacheClient, options: CacheOptions) -> Result<Self> {
        let core = Arc::new(Core::new(namespace, client, options)?);
        let counted: Weak<Core<V>> = Arc::downgrade(&core);
        client.shared().tally.register(counted);
        Ok(SmartCache {
            core,
            sharing: PhantomData,
        })
    }

    /// What is cached: `None` for a miss, `Some(None)` where it is known that there is no value. A miss
    /// is also what Redis does not answer.
    ///
    /// # Errors
    /// [`Error::MissingTenant`](crate::Error::MissingTenant).
    ///
    /// # Cancel safety
    /// Safe at any point.
    pub async fn find(
        &self,
        owner: impl Owner<S>,
        key: impl CacheKey,
    ) -> Result<Option<Option<Arc<V>>>> {
        match self.glance(owner, key)? {
            Ok(value) => Ok(Some(value)),
            // Apart, so that the future of a hit in the process is small.
            Err(beyond) => Ok(Box::pin(self.core.look_beyond(&beyond.0)).await),
        }
    }

    /// The cached value. A miss and the knowledge that there is no value are both `None`:
    /// [`find`](Self::find) tells them apart.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    ///
    /// # Cancel safety
    /// Safe at any point.
    pub async fn get(&self, owner: impl Owner<S>, key: impl CacheKey) -> Result<Option<Arc<V>>> {
        Ok(self.find(owner, key).await?.flatten())
    }

    /// The value, loaded where it is not cached. The loader answers a value, an `Option` of one, or
    /// [`Loaded`], which also says for how long and under which tags it is kept, or that it is not.
    ///
    /// The loader runs as a task of its own, once for all callers of one key in this process. Where a
    /// [`stale`](CacheOptions::stale) value is at hand, a slow or failing loader is answered with that.
    ///
    /// # Errors
    /// The loader's: one of this crate or of SeaORM as itself, any other as [`CacheError::Load`];
    /// [`CacheError::Panicked`], [`CacheError::TimedOut`], and [`CacheError::LoadsItself`] for a loader that
    /// asks for its own key; [`Error::MissingTenant`](crate::Error::MissingTenant).
    ///
    /// # Cancel safety
    /// Dropping the future leaves the load to go on for those who wait, and for the cache.
    ///
    /// [`CacheError::Load`]: crate::CacheError::Load
    /// [`CacheError::Panicked`]: crate::CacheError::Panicked
    /// [`CacheError::TimedOut`]: crate::CacheError::TimedOut
    /// [`CacheError::LoadsItself`]: crate::CacheError::LoadsItself
    pub async fn get_or_load<F, Fut, L, E>(
        &self,
        owner: impl Owner<S>,
        key: impl CacheKey,
        loader: F,
    ) -> Result<Option<Arc<V>>>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<V>>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        match self.glance(owner, key)? {
            Ok(value) => Ok(value),
            Err(beyond) => {
                let (spot, old) = *beyond;
                let lookup = Lookup::new(&self.core, spot);
                Box::pin(lookup.get_or_load_beyond(loader, old)).await
            }
        }
    }

    /// The values of many keys: those that are missing are loaded by one call, which is given their keys and
    /// answers a map of those that there are. A key that is not in the answer is kept as "nothing".
    ///
    /// Redis is read once for each 500 keys, and asked once more for those that it does not have. What others load
    /// already is waited for.
    ///
    /// # Errors
    /// As [`get_or_load`](Self::get_or_load); where the loader fails, of the whole.
    ///
    /// # Cancel safety
    /// As [`get_or_load`](Self::get_or_load).
    pub async fn get_many<K, F, Fut, E>(
        &self,
        owner: impl Owner<S>,
        keys: impl IntoIterator<Item = K>,
        loader: F,
    ) -> Result<HashMap<K, Arc<V>>>
    where
        K: CacheKey + Clone + Eq + Hash + Send + Sync + 'static,
        F: FnOnce(Vec<K>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<HashMap<K, V>, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>> + 'static,
    {
        let owner = owner.owner(&self.core.namespace)?;
        let mut seen = HashSet::new();
        let keys = keys.into_iter().filter(|key| seen.insert(key.clone()));
        let keys = keys.map(|key| {
            let spot = self.core.spot(owner.clone(), &key);
            (key, spot)
        });
        get_many(&self.core, keys.collect(), loader).await
    }

    /// Stores many values, as [`set`](Self::set) each; all are tried.
    ///
    /// # Errors
    /// As [`set`](Self::set): the first of them.
    ///
    /// # Cancel safety
    /// As [`set`](Self::set).
    pub async fn set_many<K: CacheKey>(
        &self,
        owner: impl Owner<S>,
        values: impl IntoIterator<Item = (K, V)>,
    ) -> Result<()> {
        let owner = owner.owner(&self.core.namespace)?;
        let ttl = self.core.options.ttl;
        let spots = values
            .into_iter()
            .map(|(key, value)| (self.core.spot(owner.clone(), &key), value));
        let spots: Vec<_> = spots.collect();
        let writes = spots.into_iter().map(|(spot, value)| async move {
            let write = Write::Always;
            self.core.write(&spot, value, ttl, write, &spot.tags).await
        });
        for written in join_all(writes).await {
            written?;
        }
        Ok(())
    }

    /// Fills the cache with the values of some keys, before they are asked for.
    ///
    /// # Errors
    /// [`Error::MissingTenant`](crate::Error::MissingTenant).
    pub fn warm<K>(
        &self,
        owner: impl Owner<S>,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Warm<K, V>>
    where
        K: CacheKey + Clone + Send + 'static,
    {
        let owner = owner.owner(&self.core.namespace)?;
        let spots = keys.into_iter().map(|key| {
            let spot = self.core.spot(owner.clone(), &key);
            (key, spot)
        });
        Ok(Warm::new(&self.core, spots.collect()))
    }

    /// A key, to which tags can be added.
    ///
    /// # Errors
    /// [`Error::MissingTenant`](crate::Error::MissingTenant).
    pub fn lookup(&self, owner: impl Owner<S>, key: impl CacheKey) -> Result<Lookup<V>> {
        Ok(Lookup::new(&self.core, self.spot(owner, key)?))
    }

    /// Stores a value for the cache's time to live, whatever was there. What is being loaded for the key is
    /// not stored any more.
    ///
    /// # Errors
    /// [`CacheError::Unfit`](crate::CacheError::Unfit) for a value that cannot be encoded or is too large;
    /// [`CacheError::Redis`](crate::CacheError::Redis) where Redis did not take it: then it may or may not
    /// be stored; [`Error::MissingTenant`](crate::Error::MissingTenant).
    ///
    /// # Cancel safety
    /// Dropping the future leaves it open whether the value is stored.
    pub async fn set(&self, owner: impl Owner<S>, key: impl CacheKey, value: V) -> Result<()> {
        self.lookup(owner, key)?.set(value).await
    }

    /// Stores a value unless there is one; whether it was stored.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    ///
    /// # Cancel safety
    /// As [`set`](Self::set).
    pub async fn set_if_absent(
        &self,
        owner: impl Owner<S>,
        key: impl CacheKey,
        value: V,
    ) -> Result<bool> {
        let (spot, ttl) = (self.spot(owner, key)?, self.core.options.ttl);
        let write = Write::IfAbsent;
        self.core.write(&spot, value, ttl, write, &spot.tags).await
    }

    /// Stores a value in the place of another; whether it was stored.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    ///
    /// # Cancel safety
    /// As [`set`](Self::set).
    pub async fn set_if_present(
        &self,
        owner: impl Owner<S>,
        key: impl CacheKey,
        value: V,
    ) -> Result<bool> {
        let (spot, ttl) = (self.spot(owner, key)?, self.core.options.ttl);
        let write = Write::IfPresent;
        self.core.write(&spot, value, ttl, write, &spot.tags).await
    }

    /// Removes an entry, and keeps what is being loaded for it from being stored; whether there was one.
    ///
    /// # Errors
    /// [`CacheError::Redis`](crate::CacheError::Redis) where Redis did not do it: then this process has
    /// forgotten the entry, and others may not have; [`Error::MissingTenant`](crate::Error::MissingTenant).
    ///
    /// # Cancel safety
    /// Dropping the future leaves it open whether other processes learn of it.
    pub async fn delete(&self, owner: impl Owner<S>, key: impl CacheKey) -> Result<bool> {
        self.core.remove(&self.spot(owner, key)?).await
    }

    /// Whether there is an entry; it may say that there is no value.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    ///
    /// # Cancel safety
    /// Safe at any point.
    pub async fn exists(&self, owner: impl Owner<S>, key: impl CacheKey) -> Result<bool> {
        Ok(self.find(owner, key).await?.is_some())
    }

    /// How long an entry will be fresh; `None` where there is none.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    ///
    /// # Cancel safety
    /// Safe at any point.
    pub async fn ttl(&self, owner: impl Owner<S>, key: impl CacheKey) -> Result<Option<Duration>> {
        Ok(self.core.left(&self.spot(owner, key)?).await)
    }

    /// Lets an entry live for so long from now on; whether there is one.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for a time below a millisecond or above ten years;
    /// [`CacheError::Redis`](crate::CacheError::Redis);
    /// [`Error::MissingTenant`](crate::Error::MissingTenant).
    ///
    /// # Cancel safety
    /// Dropping the future leaves it open whether the entry lives longer.
    pub async fn expire(
        &self,
        owner: impl Owner<S>,
        key: impl CacheKey,
        ttl: Duration,
    ) -> Result<bool> {
        self.core.expire(&self.spot(owner, key)?, ttl).await
    }

    /// Lets an entry live for the cache's time to live from now on; whether there is one.
    ///
    /// # Errors
    /// As [`expire`](Self::expire).
    ///
    /// # Cancel safety
    /// As [`expire`](Self::expire).
    pub async fn touch(&self, owner: impl Owner<S>, key: impl CacheKey) -> Result<bool> {
        self.expire(owner, key, self.core.options.ttl).await
    }

    /// Invalidates the entries with a tag, of all caches of the owner, in one step.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    ///
    /// # Cancel safety
    /// As [`delete`](Self::delete).
    pub async fn invalidate_tag(&self, owner: impl Owner<S>, tag: &str) -> Result<()> {
        let owner = owner.owner(&self.core.namespace)?;
        self.core.shared().invalidate_tags(&owner, &[tag]).await
    }

    /// Invalidates the entries whose keys begin with these components, in one step: after
    /// `CacheOptions::prefixes(1)`, `invalidate_prefix(&ctx, "order")` ends `("order", 7)` and all others.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) where the cache was not made for
    /// [`prefixes`](CacheOptions::prefixes) of so many components; as [`delete`](Self::delete).
    ///
    /// # Cancel safety
    /// As [`delete`](Self::delete).
    pub async fn invalidate_prefix(
        &self,
        owner: impl Owner<S>,
        prefix: impl CacheKey,
    ) -> Result<()> {
        let owner = owner.owner(&self.core.namespace)?;
        let tag = self.core.tag_of_prefix(&prefix)?;
        self.core.shared().invalidate_tags(&owner, &[&tag]).await
    }

    /// Invalidates all entries of the owner in this cache, in one step, however many there are.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    ///
    /// # Cancel safety
    /// As [`delete`](Self::delete).
    pub async fn invalidate_namespace(&self, owner: impl Owner<S>) -> Result<()> {
        let owner = owner.owner(&self.core.namespace)?;
        self.core.invalidate_namespace(&owner).await
    }

    /// What it did in this process, for all owners.
    pub fn statistics(&self) -> CacheStatistics {
        self.core.statistics()
    }

    /// Begins to count anew.
    pub fn reset_statistics(&self) {
        self.core.tally.reset();
    }

    fn spot(&self, owner: impl Owner<S>, key: impl CacheKey) -> Result<Spot> {
        let owner = owner.owner(&self.core.namespace)?;
        Ok(self.core.spot(owner, &key))
    }

    /// Looks for an entry in this process: what is fresh, or else where it is, and what is stale.
    fn glance(&self, owner: impl Owner<S>, key: impl CacheKey) -> Result<Glance<V>> {
        let core = &self.core;
        let mut writer = KeyWriter::of(owner.name(&core.namespace)?);
        key.write(&mut writer);
        let here = writer.whole().map(|key| core.glance(key));
        if let Some(Ok(value)) = here {
            return Ok(Ok(value));
        }
        let spot = core.spot_of(owner.owner(&core.namespace)?, writer);
        // A long key is found by its hash.
        let here = here.unwrap_or_else(|| core.glance(spot.key.whole()));
        Ok(here.map_err(|old| Box::new((spot, old))))
    }

    pub(super) fn core(&self) -> &Arc<Core<V>> {
        &self.core
    }
}

/// What is fresh in this process, or else where the entry is, and what is stale.
type Glance<V> = Result<Option<Arc<V>>, Box<(Spot, Option<Arc<Entry<V>>>)>>;

impl<V, S> Clone for SmartCache<V, S> {
    fn clone(&self) -> Self {
        SmartCache {
            core: Arc::clone(&self.core),
            sharing: PhantomData,
        }
    }
}

impl<V, S> std::fmt::Debug for SmartCache<V, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmartCache")
            .field("namespace", &self.core.namespace)
            .finish_non_exhaustive()
    }
}
