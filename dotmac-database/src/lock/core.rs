//! `Core`: what all locks of one keeper share.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::backend::{Backend, Bid};
use super::guard::Released;
use super::keeper::Keeper;
use super::lease::Lease;
use super::name::LockName;
use super::statistics::Tally;
use super::turn::{Turn, Turns};
use crate::error::{Error, LockError, Result};

pub struct Core {
    pub backend: Box<dyn Backend>,
    pub turns: Turns,
    pub keeper: Keeper,
    pub tasks: TaskTracker,
    pub tally: Tally,
}

impl Core {
    pub fn new(backend: impl Backend) -> Arc<Self> {
        Arc::new(Core {
            backend: Box::new(backend),
            turns: Turns::default(),
            keeper: Keeper::default(),
            tasks: TaskTracker::new(),
            tally: Tally::default(),
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
        self.keep(&lease);
        Ok(Ok(lease))
    }

    /// Keeps a lease from now on.
    pub fn keep(self: &Arc<Self>, lease: &Arc<Lease>) {
        self.tally.taken();
        self.keeper.add(self, Arc::clone(lease));
    }

    /// The keeper of the locks says that a lease is lost.
    pub fn lose(&self, lease: &Lease) {
        if lease.lose() {
            self.tally.lost(lease.age());
            tracing::warn!(
                lock.name = lease.name.name(),
                tenant.id = lease.name.owner().tenant().map(|tenant| tenant.as_str()),
                "a lock was lost: what it protected may be done by another now"
            );
        }
    }

    /// The time of a lease is over here; where it is kept, it may not be.
    pub fn ran_out(self: &Arc<Self>, lease: &Arc<Lease>, runtime: &Handle) {
        self.lose(lease);
        let (core, lease) = (Arc::clone(self), Arc::clone(lease));
        let give_back = async move {
            if let Err(error) = core.backend.give_back(&lease.name, lease.token).await {
                tracing::debug!(lock.name = %lease.name, error = &error as &dyn std::error::Error,
                    "a lock that has run out could not be given back");
            }
        };
        self.tasks.spawn_on(give_back, runtime);
    }

    /// The error of a keeper of locks that does not answer.
    pub fn is_silent(&self, name: Option<&LockName>) -> Error {
        let name = name.map_or_else(|| "*".to_owned(), LockName::to_string);
        let source = Arc::new(Silence(self.backend.keeper()));
        LockError::Unavailable { name, source }.into()
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

/// Why a lock was not taken or renewed.
#[derive(Debug, thiserror::Error)]
#[error("{0} did not answer in time")]
struct Silence(&'static str);
