//! Locks of this process: the same rules as in Redis, in a map.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::Utc;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::backend::{Backend, Bid, Holder};
use super::fence::Fence;
use super::lease::Lease;
use super::name::LockName;
use super::rate::{self, Meter};
use crate::context::OwnerName;
use crate::error::Result;

/// A lock that runs out is noticed after so long: nobody tells of it.
const POLL: Duration = Duration::from_millis(100);

#[derive(Default)]
pub struct Local {
    entries: Mutex<HashMap<LockName, Entry>>,
    /// The greatest fence of all names.
    fence: AtomicI64,
    freed: Notify,
    meter: Arc<rate::Local>,
}

struct Entry {
    token: Uuid,
    until: Instant,
    holder: Holder,
}

impl Local {
    /// Greater than all before, also than those of the process that ran before this one.
    fn next_fence(&self) -> Fence {
        let now = Utc::now().timestamp_micros();
        let next = |previous: i64| Some(now.max(previous + 1));
        let order = Ordering::Relaxed;
        let (Ok(previous) | Err(previous)) = self.fence.fetch_update(order, order, next);
        Fence::from_number(now.max(previous + 1))
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<LockName, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remove(&self, name: &LockName, is_it: impl FnOnce(&Entry) -> bool) -> bool {
        let mut entries = self.entries();
        let held = entries
            .get(name)
            .is_some_and(|entry| entry.is_live() && is_it(entry));
        if held {
            entries.remove(name);
            self.freed.notify_waiters();
        }
        held
    }
}

impl Entry {
    fn is_live(&self) -> bool {
        Instant::now() < self.until
    }
}

#[async_trait]
impl Backend for Local {
    fn keeper(&self) -> &'static str {
        "the process"
    }

    async fn attempt(&self, bid: &Bid, _: Instant) -> Result<Option<Fence>> {
        let mut entries = self.entries();
        if entries.get(&bid.name).is_some_and(Entry::is_live) {
            return Ok(None);
        }
        // Whoever died with its runtime left one behind.
        entries.retain(|_, entry| entry.is_live());
        let fence = self.next_fence();
        let entry = Entry {
            token: bid.token,
            until: Instant::now() + bid.ttl,
            holder: Holder {
                fence: Some(fence),
                ..bid.holder.clone()
            },
        };
        entries.insert(bid.name.clone(), entry);
        Ok(Some(fence))
    }

    async fn changed(&self, _: &Bid) {
        tokio::select! {
            () = self.freed.notified() => {}
            () = sleep(POLL) => {}
        }
    }

    async fn keep(&self, leases: &[&Lease]) -> Result<Vec<bool>> {
        let mut entries = self.entries();
        let keep = |lease: &&Lease| {
            let entry = entries.get_mut(&lease.name);
            let own = entry.filter(|entry| entry.is_live() && entry.token == lease.token);
            match own {
                Some(entry) => {
                    entry.until = Instant::now() + lease.ttl;
                    true
                }
                None => false,
            }
        };
        Ok(leases.iter().map(keep).collect())
    }

    async fn give_back(&self, name: &LockName, token: Uuid) -> Result<bool> {
        Ok(self.remove(name, |entry| entry.token == token))
    }

    fn hands_over(&self) -> bool {
        true
    }

    async fn resume(&self, from: Uuid, bid: &Bid) -> Result<bool> {
        let mut entries = self.entries();
        let entry = entries.get_mut(&bid.name);
        let Some(entry) = entry.filter(|entry| entry.is_live() && entry.token == from) else {
            return Ok(false);
        };
        *entry = Entry {
            token: bid.token,
            until: Instant::now() + bid.ttl,
            holder: Holder {
                fence: entry.holder.fence,
                ..bid.holder.clone()
            },
        };
        Ok(true)
    }

    async fn holders(&self, owner: &OwnerName) -> Result<Vec<Holder>> {
        let entries = self.entries();
        let own = entries
            .iter()
            .filter(|(name, entry)| name.owner() == owner && entry.is_live());
        Ok(own.map(|(_, entry)| entry.holder.clone()).collect())
    }

    async fn evict(&self, name: &LockName) -> Result<bool> {
        Ok(self.remove(name, |_| true))
    }

    fn meter(&self) -> Option<Arc<dyn Meter>> {
        Some(Arc::clone(&self.meter) as Arc<dyn Meter>)
    }
}
