//! `TenantDirectory`: which tenants there are.

use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;

use crate::context::TenantId;
use crate::error::Result;
use crate::tenancy::{Answers, TenantState};

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
    answers: Answers<Option<TenantState>>,
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
        let answers = Answers::new(Self::CAPACITY, time);
        CachedDirectory { inner, answers }
    }

    /// Forgets what is known of a tenant, for instance after it was suspended by this process. Whoever asks from
    /// now on is given no answer of a lookup that began before, also where that is still under way.
    pub async fn forget(&self, tenant: &TenantId) {
        self.answers.forget(tenant).await;
    }
}

#[async_trait]
impl<D: TenantDirectory> TenantDirectory for CachedDirectory<D> {
    async fn find(&self, tenant: &TenantId) -> Result<Option<TenantState>> {
        self.answers.find(tenant, self.inner.find(tenant)).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

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
    async fn tenant_that_is_suspended_during_a_lookup_and_forgotten_is_not_served() {
        let gates = Arc::new(Semaphore::new(0));
        let (now, gate) = (Arc::new(AtomicBool::new(true)), Arc::clone(&gates));
        let is_active = Arc::clone(&now);
        let directory = CachedDirectory::new(move |_: TenantId| {
            let active = is_active.load(Ordering::Relaxed);
            let gate = Arc::clone(&gate);
            async move {
                gate.acquire().await.expect("open").forget();
                Ok(Some(match active {
                    true => TenantState::Active,
                    false => TenantState::Suspended,
                }))
            }
        });
        let acme = TenantId::parse("acme").expect("valid");
        let mut before = std::pin::pin!(directory.find(&acme));
        assert!(futures_util::poll!(before.as_mut()).is_pending());
        now.store(false, Ordering::Relaxed);
        directory.forget(&acme).await;
        gates.add_permits(2);
        let (before, after) = futures_util::future::join(before, directory.find(&acme)).await;
        assert_eq!(before.expect("found"), Some(TenantState::Active));
        assert_eq!(after.expect("found"), Some(TenantState::Suspended));
        let kept = directory.find(&acme).await;
        assert_eq!(kept.expect("found"), Some(TenantState::Suspended));
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
