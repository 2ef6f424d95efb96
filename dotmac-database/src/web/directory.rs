//! `TenantDirectory`: which tenants there are.

use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;
use moka::future::Cache;

use crate::context::TenantId;
use crate::error::Result;
use crate::tenancy::TenantState;

/// Knows the tenants. It is asked for every request: wrap what is slow in a [`CachedDirectory`].
///
/// An async closure `Fn(TenantId) -> Result<Option<TenantState>>` is one.
#[async_trait]
pub trait TenantDirectory: Send + Sync + 'static {
    /// The state of the tenant; `None` where there is none of that id.
    ///
    /// # Errors
    /// Where it cannot be told now: the request is answered 503.
    async fn find(&self, tenant: &TenantId) -> Result<Option<TenantState>>;
}

#[async_trait]
impl<F, Fut> TenantDirectory for F
where
    F: Fn(TenantId) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Option<TenantState>>> + Send,
{
    async fn find(&self, tenant: &TenantId) -> Result<Option<TenantState>> {
        self(tenant.clone()).await
    }
}

/// Remembers what another directory answered, also that a tenant is unknown.
///
/// Answers are kept for 30 seconds, and at most 10,000 of them; so long a tenant that was suspended may
/// still be served. Of requests that ask for one tenant at a time, one looks it up. Errors are not kept.
pub struct CachedDirectory<D> {
    inner: D,
    cache: Cache<TenantId, Option<TenantState>>,
}

impl<D: TenantDirectory> CachedDirectory<D> {
    /// How long an answer is kept by default.
    pub const TIME_TO_LIVE: Duration = Duration::from_secs(30);
    /// How many answers are kept.
    pub const CAPACITY: u64 = 10_000;

    /// Keeps the answers of `inner` for [`TIME_TO_LIVE`](Self::TIME_TO_LIVE).
    pub fn new(inner: D) -> Self {
        Self::with_time_to_live(inner, Self::TIME_TO_LIVE)
    }

    /// Keeps the answers of `inner` for so long.
    pub fn with_time_to_live(inner: D, time: Duration) -> Self {
        let cache = Cache::builder()
            .max_capacity(Self::CAPACITY)
            .time_to_live(time)
            .build();
        CachedDirectory { inner, cache }
    }

    /// Forgets what is known of a tenant, for instance after it was suspended by this process.
    pub async fn forget(&self, tenant: &TenantId) {
        self.cache.invalidate(tenant).await;
    }
}

#[async_trait]
impl<D: TenantDirectory> TenantDirectory for CachedDirectory<D> {
    async fn find(&self, tenant: &TenantId) -> Result<Option<TenantState>> {
        let lookup = self.inner.find(tenant);
        let found = self.cache.try_get_with_by_ref(tenant, lookup).await;
        found.map_err(|error| (*error).clone())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::error::Error;

    fn counted(
        answer: Result<Option<TenantState>>,
    ) -> (Arc<AtomicUsize>, CachedDirectory<impl TenantDirectory>) {
        let count = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&count);
        let inner = move |_: TenantId| {
            counter.fetch_add(1, Ordering::Relaxed);
            let answer = answer.clone();
            async move {
                tokio::task::yield_now().await;
                answer
            }
        };
        (count, CachedDirectory::new(inner))
    }

    #[tokio::test]
    async fn answers_are_looked_up_once_also_at_the_same_time() {
        let acme = TenantId::parse("acme").expect("valid");
        for answer in [Some(TenantState::Active), None] {
            let (count, directory) = counted(Ok(answer));
            let both = futures_util::future::join(directory.find(&acme), directory.find(&acme));
            let (first, second) = both.await;
            assert_eq!(
                (first.expect("found"), second.expect("found")),
                (answer, answer)
            );
            assert_eq!(directory.find(&acme).await.expect("found"), answer);
            assert_eq!(count.load(Ordering::Relaxed), 1);
            directory.forget(&acme).await;
            assert_eq!(directory.find(&acme).await.expect("found"), answer);
            assert_eq!(count.load(Ordering::Relaxed), 2);
        }
    }

    #[tokio::test]
    async fn errors_are_not_kept() {
        let acme = TenantId::parse("acme").expect("valid");
        let (count, directory) = counted(Err(Error::Ended));
        for _ in 0..2 {
            assert!(directory.find(&acme).await.is_err());
        }
        assert_eq!(count.load(Ordering::Relaxed), 2);
    }
}
