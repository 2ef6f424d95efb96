//! `Placements`: where each tenant is.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::Placement;
use super::answers::Answers;
use crate::context::TenantId;
use crate::error::Result;

/// Knows where each tenant's rows are. It is asked for every unit of work: wrap what is slow in
/// [`CachedPlacements`].
///
/// An async closure `Fn(TenantId) -> Result<Option<Placement>>` is one.
#[async_trait]
pub trait Placements: Send + Sync + 'static {
    /// Where the tenant is; `None` where there is none of that id.
    ///
    /// # Errors
    /// Where it cannot be told now.
    async fn find(&self, tenant: &TenantId) -> Result<Option<Placement>>;
}

#[async_trait]
impl<F, Fut> Placements for F
where
    F: Fn(TenantId) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Option<Placement>>> + Send,
{
    async fn find(&self, tenant: &TenantId) -> Result<Option<Placement>> {
        self(tenant.clone()).await
    }
}

/// Remembers what others answered, also that a tenant is unknown; clones share it.
///
/// Answers are kept for 30 seconds, and at most 10,000 of them; so long a tenant that was moved may be
/// looked for where it was: refuse its writes for longer than that before it moves. Of units of work
/// that ask for one tenant at a time, one looks it up. Errors are not kept.
pub struct CachedPlacements<P> {
    inner: Arc<P>,
    answers: Answers<Option<Placement>>,
}

impl<P: Placements> CachedPlacements<P> {
    /// How long an answer is kept by default.
    pub const TIME_TO_LIVE: Duration = Duration::from_secs(30);
    /// How many answers are kept.
    pub const CAPACITY: u64 = 10_000;

    /// Keeps the answers of `inner` for [`TIME_TO_LIVE`](Self::TIME_TO_LIVE).
    pub fn new(inner: P) -> Self {
        Self::with_time_to_live(inner, Self::TIME_TO_LIVE)
    }

    /// Keeps the answers of `inner` for so long.
    pub fn with_time_to_live(inner: P, time: Duration) -> Self {
        CachedPlacements {
            inner: Arc::new(inner),
            answers: Answers::new(Self::CAPACITY, time),
        }
    }

    /// Forgets where a tenant is, for instance after it was moved by this process. Whoever asks from now on is
    /// given no answer of a lookup that began before, also where that is still under way.
    pub async fn forget(&self, tenant: &TenantId) {
        self.answers.forget(tenant).await;
    }
}

impl<P> Clone for CachedPlacements<P> {
    fn clone(&self) -> Self {
        CachedPlacements {
            inner: Arc::clone(&self.inner),
            answers: self.answers.clone(),
        }
    }
}

#[async_trait]
impl<P: Placements> Placements for CachedPlacements<P> {
    async fn find(&self, tenant: &TenantId) -> Result<Option<Placement>> {
        self.answers.find(tenant, self.inner.find(tenant)).await
    }
}
