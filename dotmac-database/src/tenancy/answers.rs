//! `Answers`: what was told of each tenant, kept for a while, and forgotten for good.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::future::Cache;

use crate::context::TenantId;
use crate::error::Result;

/// Answers of lookups; clones share them. Of those who ask for one tenant at a time, one looks it up. Errors
/// are shared by them, and not kept.
///
/// # Guarantees
/// Whoever asks after [`forget`](Self::forget) is given no answer of a lookup that began before it: what is
/// kept, and what is under way, belong to the tenant's generation, which ends there.
#[derive(Clone)]
pub struct Answers<A> {
    cache: Cache<(TenantId, u64), A>,
    generations: Arc<Generations>,
}

impl<A: Clone + Send + Sync + 'static> Answers<A> {
    /// Keeps so many at most, each for so long.
    pub fn new(capacity: u64, time_to_live: Duration) -> Self {
        let cache = Cache::builder()
            .max_capacity(capacity)
            .time_to_live(time_to_live)
            .build();
        Answers {
            cache,
            generations: Arc::default(),
        }
    }

    /// What is known of the tenant, or what the lookup finds.
    ///
    /// # Errors
    /// Those of the lookup.
    pub async fn find(
        &self,
        tenant: &TenantId,
        lookup: impl Future<Output = Result<A>>,
    ) -> Result<A> {
        let generation = self.generations.of(tenant).load(Ordering::Acquire);
        let key = (tenant.clone(), generation);
        let found = self.cache.try_get_with(key, lookup).await;
        found.map_err(|error| (*error).clone())
    }

    /// Forgets what is known of a tenant.
    pub async fn forget(&self, tenant: &TenantId) {
        let ended = self.generations.of(tenant).fetch_add(1, Ordering::AcqRel);
        // Nobody finds it any more: this only makes room.
        self.cache.invalidate(&(tenant.clone(), ended)).await;
    }
}

/// The generations of all tenants. Tenants that share one end it for each other, which costs a lookup.
struct Generations {
    counters: [AtomicU64; Self::COUNT],
    hasher: RandomState,
}

impl Generations {
    const COUNT: usize = 1_024;

    fn of(&self, tenant: &TenantId) -> &AtomicU64 {
        let place = self.hasher.hash_one(tenant) % Self::COUNT as u64;
        let [first, ..] = &self.counters;
        let counter = usize::try_from(place).ok();
        counter
            .and_then(|place| self.counters.get(place))
            .unwrap_or(first)
    }
}

impl Default for Generations {
    fn default() -> Self {
        Generations {
            counters: [const { AtomicU64::new(0) }; Self::COUNT],
            hasher: RandomState::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use futures_util::poll;
    use tokio::sync::oneshot;

    use super::*;

    fn answers<A: Clone + Send + Sync + 'static>() -> Answers<A> {
        Answers::new(10, Duration::from_secs(600))
    }

    #[tokio::test]
    async fn lookup_that_was_under_way_when_its_tenant_was_forgotten_answers_nobody_else() {
        let (answers, acme) = (answers(), TenantId::parse("acme").expect("valid"));
        let (told, waiting) = oneshot::channel();
        let old = async { Ok(waiting.await.expect("told")) };
        let mut old = std::pin::pin!(answers.find(&acme, old));
        assert!(poll!(old.as_mut()).is_pending());
        answers.forget(&acme).await;
        // It does not wait for the old one, which nobody polls.
        let new = answers.find(&acme, async { Ok("new") });
        let new = tokio::time::timeout(Duration::from_secs(20), new).await;
        assert_eq!(new.expect("no wait").expect("found"), "new");
        told.send("old").expect("awaited");
        // Who asked before is told what was true before.
        assert_eq!(old.await.expect("found"), "old");
        let kept = answers.find(&acme, async { Ok("another") }).await;
        assert_eq!(kept.expect("found"), "new");
    }

    #[tokio::test]
    async fn tenant_that_is_forgotten_takes_few_others_along() {
        let (answers, looked_up) = (answers_of_many(), AtomicUsize::new(0));
        let tenants: Vec<TenantId> = (0..100)
            .map(|number| TenantId::parse(&format!("t{number}")).expect("valid"))
            .collect();
        for _ in 0..2 {
            for tenant in &tenants {
                let lookup = async { Ok(looked_up.fetch_add(1, Ordering::Relaxed)) };
                answers.find(tenant, lookup).await.expect("found");
            }
            answers.forget(&tenants[0]).await;
        }
        let again = looked_up.into_inner() - tenants.len();
        assert!((1..20).contains(&again), "{again}");
    }

    fn answers_of_many() -> Answers<usize> {
        Answers::new(1_000, Duration::from_secs(600))
    }
}
