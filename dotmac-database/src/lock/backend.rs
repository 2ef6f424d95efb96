//! What keeps locks: what differs between Redis, PostgreSQL and the process.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use uuid::Uuid;

use super::fence::Fence;
use super::lease::Lease;
use super::name::LockName;
use super::rate::Meter;
use crate::context::OwnerName;
use crate::error::Result;

/// Keeps locks. The common parts see to it that one caller of a process asks for a name at a time.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// What it is called in messages: `Redis`, `PostgreSQL`, `the process`.
    fn keeper(&self) -> &'static str;

    /// Takes the lock if it is free, or becomes so before the deadline. It may return earlier with
    /// `None`; [`changed`](Self::changed) then waits.
    ///
    /// The common parts run it to its end even where the caller has gone away, and then give the lock back:
    /// it may not last longer than a second, and an error means that nothing is held, or not for long.
    async fn attempt(&self, bid: &Bid, deadline: Instant) -> Result<Option<Fence>>;

    /// Returns when another attempt may succeed: a hint, and no later than the backend's own bound.
    ///
    /// # Cancel safety
    /// Dropped when the caller goes away, or its deadline passes.
    async fn changed(&self, bid: &Bid);

    /// Whoever asked has got nothing, and does not wait any more.
    fn leave(&self, bid: &Bid) {
        let _ = bid;
    }

    /// Leases of one batch are renewed together, and where that fails, none of them is.
    fn batch(&self, lease: &Lease) -> u64 {
        let _ = lease;
        0
    }

    /// Prolongs leases of one batch by their time to live: an answer for each, in order, whether it is still
    /// held.
    ///
    /// Where no answer comes for a while, the common parts ask again, beside the first request, and give each
    /// up after five seconds.
    async fn keep(&self, leases: &[&Lease]) -> Result<Vec<bool>>;

    /// Gives a lock back: whether it was still held by this owner's token.
    async fn give_back(&self, name: &LockName, token: Uuid) -> Result<bool>;

    /// Whether a lock can go on in another process, by its token.
    fn hands_over(&self) -> bool;

    /// Goes on with the lock of the token `from`, under the fence that it has: from now on it is the bid's, for
    /// its time to live. Whether it was held by that token until now.
    async fn resume(&self, from: Uuid, bid: &Bid) -> Result<bool>;

    /// Who holds the locks of an owner.
    async fn holders(&self, owner: &OwnerName) -> Result<Vec<Holder>>;

    /// Takes a lock away from whoever holds it: whether anybody did.
    async fn evict(&self, name: &LockName) -> Result<bool>;

    /// What counts rates in the same place, if anything can.
    fn meter(&self) -> Option<Arc<dyn Meter>> {
        None
    }
}

/// A wish to have a lock.
#[derive(Debug, Clone)]
pub struct Bid {
    pub name: LockName,
    /// Who asks: another one for each acquisition.
    pub token: Uuid,
    /// For how long the lock is held unless it is renewed.
    pub ttl: Duration,
    pub holder: Holder,
}

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Holder {
    /// The lock's name, without the tenant's.
    pub name: String,
    /// The number of the acquisition.
    pub fence: Option<Fence>,
    /// The name of the holder's machine.
    pub host: String,
    /// The holder's process on it.
    pub process: u32,
    /// The request of the context that it was taken with; none where another process has gone on with it.
    pub request_id: Option<String>,
    /// When it was asked for, or gone on with, by the holder's clock.
    pub since: DateTime<Utc>,
}
