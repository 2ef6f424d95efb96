//! `CacheClient`: what all caches of a program share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use scopeguard::guard;
use tokio::task::AbortHandle;
use tokio_util::task::TaskTracker;
use tracing::field::Empty;

use super::client_options::CacheClientOptions;
use super::client_statistics::{CacheClientStatistics, ClientTally};
use super::coherence;
use super::debt::Debts;
use super::far::Far;
use super::metric;
use super::mode::{CacheMode, Switch};
use super::near::Life;
use super::scope::Scopes;
use crate::config::RedisConfig;
use crate::context::{Owner, OwnerName, PerTenant};
use crate::error::{CacheError, Result};
use crate::redis::Redis;

/// While no message can be heard, a process keeps values for so long at most.
const ALONE: Duration = Duration::from_secs(1);

/// What the caches of a program share: Redis, if there is one, and the knowledge of what was invalidated.
/// Clones share it; a program has one.
///
/// # Guarantees
/// - Without Redis, or while it is away, everything goes on with the values of this process.
/// - What one process invalidates, the others learn by messages. Until they have heard the message, they
///   may use the old value. A process that notices a loss (of the connection, or a gap in the count of a
///   tenant's invalidations) gives up what it has; while it hears nothing, it keeps values for a second at
///   most, and none as stale. If a message is lost and nothing tells of it, the count is asked for each
///   [`poll`](CacheClientOptions::poll); where Redis does not answer either,
///   [`near_ttl`](super::CacheOptions::near_ttl) is the bound, and
///   [`stale`](super::CacheOptions::stale) after it.
#[derive(Clone)]
pub struct CacheClient(Arc<Shared>);

pub(super) struct Shared {
    pub far: Option<Far>,
    pub scopes: Scopes,
    pub switch: Switch,
    pub tasks: TaskTracker,
    pub tally: ClientTally,
    pub debts: Debts,
    /// Whether invalidations of other processes are heard.
    hears: AtomicBool,
    /// The task that hears them.
    listener: OnceLock<AbortHandle>,
}

/// How [`CacheClient::close_within`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheClosed {
    /// How many loads and stores were still under way at the deadline, and are left to themselves.
    pub dropped: usize,
}

impl CacheClient {
    /// Caches that keep their values in this process only.
    pub fn in_process() -> Self {
        Self::of(None)
    }

    /// Caches with a second level in Redis. It connects in the background, and never waits for Redis here.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for a URL that cannot be used.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn connect(config: &RedisConfig) -> Result<Self> {
        Self::connect_with(config, CacheClientOptions::default())
    }

    /// The same, with settings: [`CacheClientOptions`], or [`RedisOptions`](crate::RedisOptions) alone.
    ///
    /// # Errors
    /// As [`connect`](Self::connect), and for settings that cannot be used.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn connect_with(
        config: &RedisConfig,
        options: impl Into<CacheClientOptions>,
    ) -> Result<Self> {
        let options = options.into().check()?;
        let far = Far::new(Redis::connect(config, options.redis)?, options.shards);
        let client = Self::of(Some(far.clone()));
        let listener = coherence::listen(far, &client.0, options.poll);
        // It is new: nobody has set it.
        let _ = client.0.listener.set(listener);
        Ok(client)
    }

    fn of(far: Option<Far>) -> Self {
        CacheClient(Arc::new(Shared {
            far,
            scopes: Scopes::default(),
            switch: Switch::default(),
            tasks: TaskTracker::new(),
            tally: ClientTally::default(),
            debts: Debts::default(),
            hears: AtomicBool::new(false),
            listener: OnceLock::new(),
        }))
    }

    /// What all its caches do now.
    pub fn mode(&self) -> CacheMode {
        self.0.switch.mode()
    }

    /// Switches all its caches.
    pub fn set_mode(&self, mode: CacheMode) {
        self.0.switch.set(mode);
    }

    /// Whether invalidations of other processes are heard now; without Redis there are none.
    pub fn is_coherent(&self) -> bool {
        self.0.far.is_none() || self.0.hears.load(Ordering::Acquire)
    }

    /// Whether nothing is sent to Redis because it did not answer.
    pub fn is_held_back(&self) -> bool {
        self.0
            .far
            .as_ref()
            .is_some_and(|far| far.redis().is_held_back())
    }

    /// Whether Redis answers now; true where there is none to ask.
    ///
    /// # Cancel safety
    /// Safe at any point.
    pub async fn answers(&self) -> bool {
        match &self.0.far {
            Some(far) => far.redis().answers().await,
            None => true,
        }
    }

    /// What its caches did in this process, and what it heard of others.
    pub fn statistics(&self) -> CacheClientStatistics {
        let tally = &self.0.tally;
        CacheClientStatistics {
            caches: tally.caches(),
            is_coherent: self.is_coherent(),
            is_held_back: self.is_held_back(),
            heard: tally.heard.value(),
            missed: tally.missed.value(),
            distrusted: tally.distrusted.value(),
        }
    }

    /// Gives the statistics to the recorder of the `metrics` facade, under the names in
    /// [`telemetry`](crate::telemetry). Call it when they are asked for, or every few seconds; without a
    /// recorder it does nothing.
    pub fn record_metrics(&self) {
        metric::record(&self.statistics());
    }

    /// Whether no load or store is under way.
    pub fn is_idle(&self) -> bool {
        self.0.tasks.is_empty()
    }

    /// Invalidates the entries with a tag, of all caches for the tenant of the context.
    ///
    /// # Errors
    /// [`Error::MissingTenant`](crate::Error::MissingTenant); [`CacheError::Redis`] where Redis was not
    /// reached: then this process has forgotten the entries, and others may not have.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it open whether other processes learn of it.
    pub async fn invalidate_tag(&self, owner: impl Owner<PerTenant>, tag: &str) -> Result<()> {
        let owner = owner.owner(tag)?;
        self.0.invalidate_tags(&owner, &[tag]).await
    }

    /// Invalidates everything that is cached for the tenant of the context.
    ///
    /// # Errors
    /// As [`invalidate_tag`](Self::invalidate_tag).
    ///
    /// # Cancel safety
    /// As [`invalidate_tag`](Self::invalidate_tag).
    pub async fn invalidate_tenant(&self, owner: impl Owner<PerTenant>) -> Result<()> {
        let owner = owner.owner("cache")?;
        let drop_here = |scopes: &Scopes| scopes.drop_owner(&owner);
        self.0
            .invalidate(&owner, &["*".to_owned()], drop_here)
            .await
    }

    /// Waits for loads and stores under way, and closes the connections.
    ///
    /// # Cancel safety
    /// It can be called again.
    pub async fn close_within(&self, deadline: Duration) -> CacheClosed {
        self.0.tasks.close();
        let ended = tokio::time::timeout(deadline, self.0.tasks.wait()).await;
        let dropped = match ended {
            Ok(()) => 0,
            Err(_) => self.0.tasks.len(),
        };
        self.0.stop_hearing();
        if let Some(far) = &self.0.far {
            far.redis().close().await;
        }
        CacheClosed { dropped }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }
}

impl Shared {
    /// Redis, while it is to be read and filled with values of an owner.
    pub fn far_in_use(&self, owner: &OwnerName) -> Option<&Far> {
        let far = self.far.as_ref().filter(|_| self.switch.mode().uses_far());
        far.filter(|_| !self.debts.owes(owner))
    }

    fn stop_hearing(&self) {
        if let Some(listener) = self.listener.get() {
            listener.abort();
            self.set_hears(false);
        }
    }

    /// Notes whether invalidations of other processes are heard.
    pub fn set_hears(&self, hears: bool) {
        self.hears.store(hears, Ordering::Release);
    }

    /// For how long a value may be kept in this process. What may have been invalidated unheard is not used
    /// when it is stale.
    pub fn bounded(&self, life: Life) -> Life {
        match self.far.is_none() || self.hears.load(Ordering::Acquire) {
            true => life,
            false => Life {
                fresh: life.fresh.min(ALONE),
                stale: Duration::ZERO,
            },
        }
    }

    /// Invalidates everything of an owner.
    pub async fn invalidate_owner(&self, owner: &OwnerName) -> Result<()> {
        let drop_here = |scopes: &Scopes| scopes.drop_owner(owner);
        self.invalidate(owner, &["*".to_owned()], drop_here).await
    }

    /// Invalidates tags.
    pub async fn invalidate_tags(&self, owner: &OwnerName, tags: &[&str]) -> Result<()> {
        let scopes: Vec<String> = tags.iter().map(|tag| tag_scope(tag)).collect();
        let drop_here = |scopes: &Scopes| tags.iter().for_each(|tag| scopes.drop_tag(owner, tag));
        self.invalidate(owner, &scopes, drop_here).await
    }

    /// Invalidates scopes: here before Redis is asked, and again afterwards, also where the future is dropped,
    /// because what was read from Redis in between is old.
    #[tracing::instrument(
        name = "dotmac.cache.invalidate",
        level = "debug",
        skip_all,
        fields(
            otel.kind = "client",
            otel.status_code = Empty,
            db.system = "redis",
            tenant.id = owner.as_str(),
        )
    )]
    pub async fn invalidate(
        &self,
        owner: &OwnerName,
        scopes: &[String],
        here: impl Fn(&Scopes),
    ) -> Result<()> {
        here(&self.scopes);
        let Some(far) = &self.far else {
            return Ok(());
        };
        let again = guard((), |()| here(&self.scopes));
        let dropped = far.invalidate(owner, scopes).await;
        drop(again);
        Ok(dropped.map_err(|fault| {
            tracing::Span::current().record("otel.status_code", "ERROR");
            CacheError::from(fault)
        })?)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stop_hearing();
    }
}

/// The name of a tag's scope.
pub(super) fn tag_scope(tag: &str) -> String {
    format!("g:{tag}")
}

impl std::fmt::Debug for CacheClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CacheClient")
            .field("mode", &self.mode())
            .field("redis", &self.0.far.as_ref().map(Far::redis))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Whatever was invalidated meanwhile, nobody has told of.
    #[tokio::test]
    async fn c18_what_is_kept_while_nothing_is_heard_is_not_used_as_stale() {
        let long = Life {
            fresh: Duration::from_secs(60),
            stale: Duration::from_secs(3_600),
        };
        let config = RedisConfig::new("redis://127.0.0.1:1").expect("valid");
        let client = CacheClient::connect(&config).expect("connects later");
        let deaf = client.shared().bounded(long);
        assert_eq!((deaf.fresh, deaf.stale), (ALONE, Duration::ZERO));
        client.shared().set_hears(true);
        let hearing = client.shared().bounded(long);
        assert_eq!((hearing.fresh, hearing.stale), (long.fresh, long.stale));
        let alone = CacheClient::in_process();
        assert_eq!(alone.shared().bounded(long).stale, long.stale);
    }
}
