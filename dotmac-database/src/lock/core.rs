//! `Core`: what all locks of one keeper share.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::backend::{Backend, Bid};
use super::guard::Released;
use super::keeper::Keeper;
use super::lease::Lease;
use super::turn::{Turn, Turns};
use crate::error::Result;

pub struct Core {
    pub backend: Box<dyn Backend>,
    pub turns: Turns,
    pub keeper: Keeper,
    pub tasks: TaskTracker,
}

impl Core {
    pub fn new(backend: impl Backend) -> Arc<Self> {
        Arc::new(Core {
            backend: Box::new(backend),
            turns: Turns::default(),
            keeper: Keeper::default(),
            tasks: TaskTracker::new(),
        })
    }

    /// Asks once, and has the lock kept from then on. The turn is part of the lease, or handed back.
    pub async fn attempt(
        self: &Arc<Self>,
        bid: &Bid,
        max_hold: Option<Duration>,
        turn: Turn,
        deadline: Instant,
    ) -> Result<std::result::Result<Arc<Lease>, Turn>> {
        let asked = Instant::now();
        let Some(fence) = self.backend.attempt(bid, deadline).await? else {
            return Ok(Err(turn));
        };
        let lease = Arc::new(Lease::new(
            bid.name.clone(),
            bid.token,
            fence,
            bid.ttl,
            asked,
            max_hold.map(|most| asked + most),
            Some(turn),
        ));
        self.keeper.add(self, Arc::clone(&lease));
        Ok(Ok(lease))
    }

    /// Gives a lock back where it is kept, and lets the next of this process ask afterwards.
    pub async fn give_back(&self, lease: &Lease, turn: Option<Turn>) -> Result<Released> {
        let was_held = self.backend.give_back(&lease.name, lease.token).await;
        drop(turn);
        match was_held? {
            true => Ok(Released::Now),
            false => Ok(Released::WasLost),
        }
    }
}
