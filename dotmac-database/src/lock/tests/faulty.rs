//! The keeper of the process, made to hang, fail or panic: as one that is far away can.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use crate::context::OwnerName;
use crate::error::{LockError, Result};
use crate::lock::backend::{Backend, Bid, Holder};
use crate::lock::core::Core;
use crate::lock::lease::Lease;
use crate::lock::local::Local;
use crate::lock::{Fence, LockName, Locks};

/// What a keeper does instead of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    #[default]
    None,
    /// It says nothing until it is mended, and then answers.
    Hangs,
    Fails,
    /// It answers as a server does that others were to be asked instead of.
    StandsBy,
    Panics,
}

/// How each of its functions fares, for locks of a name that begins so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Faults {
    pub attempt: Fault,
    /// Once it has done what was attempted.
    pub attempted: Fault,
    pub keep: Fault,
    pub give_back: Fault,
    pub names: &'static str,
}

/// The way from one process to the keeper that it shares with others.
#[derive(Clone)]
pub struct Faulty(Arc<Inner>);

struct Inner {
    keeper: Arc<Local>,
    faults: watch::Sender<Faults>,
    asked: AtomicU32,
}

impl Faulty {
    pub fn new() -> Self {
        Self::to(&Arc::default())
    }

    pub fn to(keeper: &Arc<Local>) -> Self {
        Faulty(Arc::new(Inner {
            keeper: Arc::clone(keeper),
            faults: watch::Sender::default(),
            asked: AtomicU32::new(0),
        }))
    }

    /// The locks of a process that goes this way.
    pub fn locks(&self) -> Locks {
        Locks::of(Core::new(self.clone()))
    }

    pub fn set(&self, faults: Faults) {
        self.0.faults.send_replace(faults);
    }

    /// How often something came to it.
    pub fn asked(&self) -> u32 {
        self.0.asked.load(Ordering::SeqCst)
    }

    async fn pass(&self, which: fn(&Faults) -> Fault, name: &LockName) -> Result<()> {
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        let now = *self.0.faults.borrow();
        if !name.name().starts_with(now.names) {
            return Ok(());
        }
        match which(&now) {
            Fault::None => Ok(()),
            Fault::StandsBy => Err(LockError::OnStandby.into()),
            Fault::Panics => panic!("on purpose"),
            Fault::Fails => Err(LockError::Unavailable {
                name: name.to_string(),
                source: Arc::new(std::fmt::Error),
            }
            .into()),
            Fault::Hangs => {
                let mut faults = self.0.faults.subscribe();
                let mended = faults.wait_for(|faults| which(faults) != Fault::Hangs);
                mended.await.expect("is not dropped");
                Ok(())
            }
        }
    }
}

#[async_trait]
impl Backend for Faulty {
    fn keeper(&self) -> &'static str {
        "a faulty place"
    }

    async fn attempt(&self, bid: &Bid, deadline: Instant) -> Result<Option<Fence>> {
        self.pass(|it| it.attempt, &bid.name).await?;
        let attempted = self.0.keeper.attempt(bid, deadline).await;
        self.pass(|it| it.attempted, &bid.name).await?;
        attempted
    }

    async fn changed(&self, bid: &Bid) {
        self.0.keeper.changed(bid).await;
    }

    async fn keep(&self, leases: &[&Lease]) -> Result<Vec<bool>> {
        for lease in leases {
            self.pass(|it| it.keep, &lease.name).await?;
        }
        self.0.keeper.keep(leases).await
    }

    async fn give_back(&self, name: &LockName, token: Uuid) -> Result<bool> {
        self.pass(|it| it.give_back, name).await?;
        self.0.keeper.give_back(name, token).await
    }

    fn hands_over(&self) -> bool {
        true
    }

    async fn resume(&self, from: Uuid, bid: &Bid) -> Result<bool> {
        self.0.keeper.resume(from, bid).await
    }

    async fn holders(&self, owner: &OwnerName) -> Result<Vec<Holder>> {
        self.0.keeper.holders(owner).await
    }

    async fn evict(&self, name: &LockName) -> Result<bool> {
        self.0.keeper.evict(name).await
    }
}
