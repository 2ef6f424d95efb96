//! `InRedis`: Redis as a keeper of locks: what is asked again, and what is taken back.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

use super::patience::{Patience, Unanswered, backoff};
use super::store::{Attempt, Store, Waiting};
use super::waiters::Waiters;
use crate::config::RedisConfig;
use crate::context::OwnerName;
use crate::error::{Error, LockError, Result};
use crate::lock::Fence;
use crate::lock::backend::{Backend, Bid, Holder};
use crate::lock::lease::Lease;
use crate::lock::name::LockName;
use crate::lock::rate::{Far, Meter};
use crate::redis::{Fault, Redis, RedisOptions};

/// Locks in Redis.
pub struct InRedis {
    store: Arc<Store>,
    waiters: Arc<Waiters>,
    listener: AbortHandle,
    timeout: Duration,
}

impl InRedis {
    /// Connects in the background.
    pub fn connect(config: &RedisConfig, options: RedisOptions) -> Result<Self> {
        let redis = Redis::connect(config, options)?;
        let waiters = Waiters::new();
        Ok(InRedis {
            listener: waiters.listen(redis.clone()),
            waiters,
            store: Arc::new(Store::new(redis, options)),
            timeout: options.timeout,
        })
    }

    fn patience(&self) -> Patience {
        Patience::new(self.store.redis(), 2 * self.timeout)
    }

    async fn try_to_take(
        &self,
        bid: &Bid,
        mut waiting: Option<Waiting>,
    ) -> Result<Attempt, Unanswered> {
        let mut patience = self.patience();
        loop {
            // The same token: what an answer that was lost has told is told again.
            match self.store.attempt(bid, waiting.as_ref()).await {
                Ok(attempt) => return Ok(attempt),
                Err(fault) => patience.bear(fault).await?,
            }
            if let Some(waiting) = &mut waiting {
                waiting.is_queued = true;
            }
        }
    }

    /// Ends a lock. Where an answer was lost, nobody can tell afterwards whether it was held until now.
    async fn end(&self, name: &LockName, by: Option<Uuid>) -> Result<bool> {
        let mut patience = self.patience();
        loop {
            match (self.store.give_back(name, by).await, patience.lost_answer()) {
                (Ok(false), Some(lost)) => return Err(unavailable(name, lost.clone())),
                (Ok(was_held), _) => return Ok(was_held),
                (Err(fault), _) => {
                    let borne = patience.bear(fault).await;
                    borne.map_err(|unanswered| unavailable(name, unanswered.fault))?;
                }
            }
        }
    }

    /// Ends what the token may have got. Once its requests are too late for the server, one answer is enough.
    fn take_back(&self, bid: &Bid) {
        let (store, name, token) = (Arc::clone(&self.store), bid.name.clone(), bid.token);
        let is_settled = Instant::now() + self.timeout;
        let runs_out = is_settled + bid.ttl;
        tokio::spawn(async move {
            sleep_until(is_settled).await;
            for pause in backoff() {
                if store.give_back(&name, Some(token)).await.is_ok() || runs_out <= Instant::now() {
                    return;
                }
                sleep(pause).await;
            }
        });
    }
}

fn unavailable(name: impl ToString, fault: Fault) -> Error {
    LockError::Unavailable {
        name: name.to_string(),
        source: Arc::new(fault),
    }
    .into()
}

#[async_trait]
impl Backend for InRedis {
    fn keeper(&self) -> &'static str {
        "Redis"
    }

    async fn attempt(&self, bid: &Bid, deadline: Instant) -> Result<Option<Fence>> {
        let waits = Instant::now() < deadline;
        let waiting = waits.then(|| self.waiters.enter(bid.token));
        match self.try_to_take(bid, waiting).await {
            Ok(Attempt::Taken(fence)) => {
                self.waiters.leave(bid.token);
                Ok(Some(fence))
            }
            Ok(Attempt::Held { runs_out }) => {
                self.waiters.put_off(bid.token, runs_out);
                Ok(None)
            }
            Err(unanswered) => {
                self.waiters.leave(bid.token);
                if unanswered.may_have_run {
                    self.take_back(bid);
                }
                Err(unavailable(&bid.name, unanswered.fault))
            }
        }
    }

    async fn changed(&self, bid: &Bid) {
        self.waiters.woken(bid.token).await;
    }

    fn leave(&self, bid: &Bid) {
        let waited = self.waiters.leave(bid.token);
        if let (true, Ok(runtime)) = (waited, Handle::try_current()) {
            let (store, name) = (Arc::clone(&self.store), bid.name.clone());
            let waiter = self.waiters.name(bid.token);
            runtime.spawn(async move {
                // Where that fails, it is given up after a while.
                let _ = store.leave(&name, waiter).await;
            });
        }
    }

    fn batch(&self, lease: &Lease) -> u64 {
        if !self.store.redis().has_slots() {
            return 0;
        }
        let mut hasher = DefaultHasher::new();
        lease.name.owner().hash(&mut hasher);
        hasher.finish()
    }

    async fn keep(&self, leases: &[&Lease]) -> Result<Vec<bool>> {
        let held = self.store.keep(leases).await;
        held.map_err(|fault| {
            let first = leases.first().map(|lease| lease.name.to_string());
            unavailable(first.unwrap_or_default(), fault)
        })
    }

    async fn resume(&self, from: Uuid, bid: &Bid) -> Result<bool> {
        let mut patience = self.patience();
        loop {
            // The same token: whoever has it already is told so.
            match self.store.resume(from, bid).await {
                Ok(goes_on) => return Ok(goes_on),
                Err(fault) => {
                    let borne = patience.bear(fault).await;
                    borne.map_err(|unanswered| unavailable(&bid.name, unanswered.fault))?;
                }
            }
        }
    }

    async fn give_back(&self, name: &LockName, token: Uuid) -> Result<bool> {
        self.end(name, Some(token)).await
    }

    fn hands_over(&self) -> bool {
        true
    }

    async fn holders(&self, owner: &OwnerName) -> Result<Vec<Holder>> {
        let mut patience = self.patience();
        loop {
            match self.store.holders(owner).await {
                Ok(holders) => return Ok(holders),
                Err(fault) => {
                    let borne = patience.bear(fault).await;
                    let all = || format!("{}/*", owner.as_str());
                    borne.map_err(|unanswered| unavailable(all(), unanswered.fault))?;
                }
            }
        }
    }

    async fn evict(&self, name: &LockName) -> Result<bool> {
        self.end(name, None).await
    }

    fn meter(&self) -> Option<Arc<dyn Meter>> {
        Some(Arc::new(Far(self.store.redis().clone())))
    }
}

impl Drop for InRedis {
    fn drop(&mut self) {
        self.listener.abort();
    }
}
