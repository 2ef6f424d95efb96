//! `Debts`: invalidations after a commit that Redis has not taken yet.
//!
//! Until it has, it would answer with what was before the commit. So this process does not ask it about the
//! owners of those, and goes on sending them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use super::client::Shared;
use crate::context::OwnerName;
use crate::error::Result;

/// How often an invalidation is sent again by itself, which is half a minute; then all of the owner is
/// invalidated instead, once for all that have come to that.
const TIMES: usize = 20;
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Of whom Redis knows too little.
#[derive(Default)]
pub struct Debts {
    owners: Mutex<HashMap<OwnerName, Owed>>,
    /// How many owners there are, so that a read need not take the lock.
    count: AtomicUsize,
}

#[derive(Default)]
struct Owed {
    /// How many invalidations are sent again.
    open: usize,
    /// How many have come to be sent as one for the whole owner.
    given_over: u64,
    /// Whether a task sends that.
    is_settled_by_one: bool,
}

impl Debts {
    /// Whether Redis may answer for this owner with what was before a commit.
    pub fn owes(&self, owner: &OwnerName) -> bool {
        self.count.load(Ordering::Acquire) > 0 && self.owners().contains_key(owner)
    }

    fn change<T>(&self, owner: &OwnerName, change: impl FnOnce(&mut Owed) -> T) -> T {
        let mut owners = self.owners();
        let owed = owners.entry(owner.clone()).or_default();
        let changed = change(owed);
        if owed.open == 0 && !owed.is_settled_by_one {
            owners.remove(owner);
        }
        self.count.store(owners.len(), Ordering::Release);
        changed
    }

    fn owners(&self) -> MutexGuard<'_, HashMap<OwnerName, Owed>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An invalidation that is sent again.
struct Debt {
    shared: Arc<Shared>,
    owners: Vec<OwnerName>,
}

impl Debt {
    fn new(shared: Arc<Shared>, owners: Vec<OwnerName>) -> Self {
        for owner in &owners {
            shared.debts.change(owner, |owed| owed.open += 1);
        }
        Debt { shared, owners }
    }

    /// Leaves it to the one task that invalidates all of an owner, which is this one if there is none.
    async fn settle(self) {
        let debts = &self.shared.debts;
        for owner in &self.owners {
            let is_others = debts.change(owner, |owed| {
                owed.given_over += 1;
                std::mem::replace(&mut owed.is_settled_by_one, true)
            });
            if !is_others {
                settle(&self.shared, owner).await;
            }
        }
    }
}

impl Drop for Debt {
    fn drop(&mut self) {
        for owner in &self.owners {
            self.shared.debts.change(owner, |owed| owed.open -= 1);
        }
    }
}

/// Invalidates all of an owner, until Redis has taken it.
async fn settle(shared: &Shared, owner: &OwnerName) {
    while !shared.tasks.is_closed() {
        let covered = shared.debts.change(owner, |owed| owed.given_over);
        if shared.invalidate_owner(owner).await.is_ok() {
            let is_all = shared.debts.change(owner, |owed| {
                // What came meanwhile may have come too late for it.
                owed.is_settled_by_one = owed.given_over != covered;
                !owed.is_settled_by_one
            });
            if is_all {
                return;
            }
        }
        tokio::time::sleep(LONGEST_PAUSE).await;
    }
}

/// Invalidates something of these owners, and where Redis is not reached goes on trying in the background.
pub async fn insist<F, Fut>(shared: Arc<Shared>, owners: Vec<OwnerName>, invalidate: F)
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    if invalidate().await.is_ok() {
        return;
    }
    let pauses = ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(LONGEST_PAUSE)
        .with_max_times(TIMES)
        .with_jitter();
    let debt = Debt::new(Arc::clone(&shared), owners);
    // What was read from Redis since the invalidation, and before this.
    for owner in &debt.owners {
        shared.scopes.drop_owner(owner);
    }
    shared.tasks.clone().spawn(async move {
        for pause in pauses.build() {
            tokio::time::sleep(pause).await;
            if invalidate().await.is_ok() {
                return;
            }
            if shared.tasks.is_closed() {
                break;
            }
        }
        tracing::error!(
            "an invalidation after commit has not reached Redis: other processes may use old values until \
             it has, or for their time to live"
        );
        debt.settle().await;
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::CacheClient;
    use crate::context::{Owner, RequestContext};
    use crate::error::{CacheError, RedisFault};

    fn owner(tenant: &str) -> OwnerName {
        let context = RequestContext::tenant(tenant).expect("valid");
        context.owner("orders").expect("a tenant")
    }

    /// Sends an invalidation of acme that fails so often.
    async fn send(shared: &Arc<Shared>, failures: usize) -> Arc<AtomicUsize> {
        let sent = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&sent);
        insist(Arc::clone(shared), vec![owner("acme")], move || {
            let is_taken = count.fetch_add(1, Ordering::SeqCst) >= failures;
            async move {
                match is_taken {
                    true => Ok(()),
                    false => Err(CacheError::Redis(RedisFault::TimedOut).into()),
                }
            }
        })
        .await;
        sent
    }

    #[tokio::test(start_paused = true)]
    async fn redis_is_asked_again_once_it_knows_all() {
        let client = CacheClient::in_process();
        let shared = client.shared();
        send(shared, 0).await;
        assert!(!shared.debts.owes(&owner("acme")), "it was taken at once");
        let (few, many) = (send(shared, 2).await, send(shared, 9).await);
        assert!(shared.debts.owes(&owner("acme")) && !shared.debts.owes(&owner("beta")));
        while many.load(Ordering::SeqCst) < 9 {
            assert!(
                shared.debts.owes(&owner("acme")),
                "another is not taken yet"
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        shared.tasks.close();
        shared.tasks.wait().await;
        assert_eq!(
            (few.load(Ordering::SeqCst), many.load(Ordering::SeqCst)),
            (3, 10)
        );
        assert!(!shared.debts.owes(&owner("acme")));
    }

    #[tokio::test(start_paused = true)]
    async fn after_half_a_minute_all_of_the_owner_is_invalidated() {
        let client = CacheClient::in_process();
        let shared = client.shared();
        let begun = tokio::time::Instant::now();
        for _ in 0..3 {
            send(shared, usize::MAX).await;
        }
        while shared.debts.owes(&owner("acme")) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let took = begun.elapsed();
        assert!((20..70).contains(&took.as_secs()), "{took:?}");
        assert!(shared.tasks.is_empty());
    }
}
