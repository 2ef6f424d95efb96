//! `LockGuard`: a lock that is held.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::time::Instant;
use tracing::Span;
use tracing::field::Empty;
use uuid::Uuid;

use super::core::Core;
use super::fence::Fence;
use super::lease::Lease;
use super::name::LockName;
use super::turn::Turn;
use crate::error::{Error, LockError, Result};
use crate::session::Shield;

/// A lock that is held, and renewed for as long as the guard lives.
///
/// Dropping it gives the lock back in the background, in any thread and also in a panic; where its runtime has
/// ended, the lock is free when its time is over.
///
/// # Guarantees
/// - [`is_valid`](Self::is_valid) is false, and [`lost`](Self::lost) returns, before the lock can be another's:
///   by this process's clock, whether or not the keeper of the lock can be reached. Not where the keeper forgets
///   the lock or gives it away while it has time left: [`force_release`](super::Locks::force_release), a Redis that
///   is emptied, restarted or fails over, a connection to PostgreSQL that is ended. Then the holder learns of it
///   with its next renewal, after a third of the time to live at most.
/// - That is not enough for a holder that is paused between a look at it and a write. What must not be
///   overwritten has to compare the [`fence`](Self::fence).
#[must_use = "the lock is given back when the guard is dropped"]
pub struct LockGuard {
    core: Arc<Core>,
    lease: Arc<Lease>,
    runtime: Handle,
    span: Span,
}

/// How [`LockGuard::release`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Released {
    /// The lock was held until now.
    Now,
    /// It was lost before: another may have it.
    WasLost,
}

/// A lock on its way to another process. Whoever has it first can go on with the lock: treat it as a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockToken {
    pub(super) tenant: Option<String>,
    pub(super) name: String,
    pub(super) token: Uuid,
    pub(super) fence: Fence,
    pub(super) ttl: Duration,
}

impl LockGuard {
    pub(super) fn new(core: Arc<Core>, lease: Arc<Lease>) -> Self {
        let name = &lease.name;
        let span = tracing::debug_span!(
            parent: None,
            "dotmac.lock.hold",
            "otel.kind" = "internal",
            "lock.name" = name.name(),
            "lock.fence" = lease.fence.number(),
            "lock.outcome" = Empty,
            "tenant.id" = name.owner().tenant().map(|tenant| tenant.as_str()),
        );
        // It may be held for longer than what asked for it lasts.
        span.follows_from(Span::current());
        LockGuard {
            core,
            lease,
            runtime: Handle::current(),
            span,
        }
    }

    /// What is held.
    pub fn name(&self) -> &LockName {
        &self.lease.name
    }

    /// The number of this acquisition, greater than that of every earlier one of this lock.
    pub fn fence(&self) -> Fence {
        self.lease.fence
    }

    /// Whether the lock is held now.
    pub fn is_valid(&self) -> bool {
        self.lease.is_valid()
    }

    /// Returns once the lock is lost: its time ran out because it could not be renewed, it was held for longer
    /// than its cap, it was taken away, or its keeper lost it.
    ///
    /// # Cancel safety
    /// Safe at any point.
    pub async fn lost(&self) {
        self.lease.lost().await;
    }

    /// Renews the lock now. It is not needed for that the guard lives: that is done at a third of the time to
    /// live.
    ///
    /// # Errors
    /// [`LockError::Lost`]; [`LockError::Unavailable`] where the lock may still be held.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it open whether the lock was renewed.
    pub async fn renew(&self) -> Result<()> {
        let asked = Instant::now();
        let held = self.core.backend.keep(&[&self.lease]).await?;
        match held.first() {
            Some(true) => self.lease.renewed(asked),
            _ => self.core.lose(&self.lease),
        }
        match self.is_valid() {
            true => Ok(()),
            false => Err(self.is_lost()),
        }
    }

    /// Gives the lock back, and says whether it was held until now.
    ///
    /// # Errors
    /// [`LockError::Unavailable`]: the lock is free when its time is over.
    ///
    /// # Cancel safety
    /// The lock is given back also where the future is dropped.
    pub async fn release(self) -> Result<Released> {
        let (core, lease) = (Arc::clone(&self.core), Arc::clone(&self.lease));
        // From here on it is not renewed.
        let Some(turn) = self.end("released") else {
            return Ok(Released::WasLost);
        };
        Shield::new(async move { core.give_back(&lease, turn).await }).await
    }

    /// Stops renewing the lock and hands out what another process needs to go on with it, by
    /// [`Locks::resume`](super::Locks::resume), within its time to live.
    ///
    /// # Errors
    /// [`LockError::Lost`]; [`LockError::Unsupported`] for locks in PostgreSQL, which belong to a connection.
    pub fn hand_over(self) -> Result<LockToken> {
        if !self.core.backend.hands_over() {
            return Err(LockError::Unsupported {
                what: "handing a lock over",
                keeper: self.core.backend.keeper(),
            }
            .into());
        }
        if self.end("handed_over").is_none() {
            return Err(self.is_lost());
        }
        let name = self.name();
        Ok(LockToken {
            tenant: name.owner().tenant().map(|tenant| tenant.to_string()),
            name: name.name().to_owned(),
            token: self.lease.token,
            fence: self.fence(),
            ttl: self.lease.ttl,
        })
    }

    /// What all guards of it share.
    pub(super) fn lease(&self) -> &Arc<Lease> {
        &self.lease
    }

    /// Stops renewing it, so that it stays taken for `left` from now on, whoever lives.
    pub(super) async fn leave_for(self, left: Duration) -> Result<()> {
        let lease = &self.lease;
        let (name, token, asked) = (lease.name.clone(), lease.token, Instant::now());
        let rest = Lease::new(name, token, lease.fence, left, asked, None, None);
        if self.end("left").is_none() {
            return Err(self.is_lost());
        }
        self.core.backend.keep(&[&rest]).await.map(drop)
    }

    /// Stops renewing it, so that it stays taken until its time to live is over.
    pub(super) fn leave(&self) {
        self.end("left");
    }

    /// Does work until it is lost.
    pub(super) async fn while_held<W: Future>(
        &self,
        work: impl FnOnce(Fence) -> W,
    ) -> Result<W::Output> {
        tokio::select! {
            biased;
            () = self.lost() => Err(self.is_lost()),
            done = work(self.fence()) => Ok(done),
        }
    }

    /// Ends it here, in one of several ways, and hands out the turn. `None` where it had ended before.
    fn end(&self, outcome: &'static str) -> Option<Option<Turn>> {
        if self.lease.is_held() && self.lease.has_run_out(Instant::now()) {
            self.core.ran_out(&self.lease, &self.runtime);
        }
        let turn = self.lease.give_back();
        if turn.is_some() {
            self.core.tally.ended(self.lease.age());
            self.span.record("lock.outcome", outcome);
        } else if self.lease.is_lost() {
            self.span.record("lock.outcome", "lost");
        }
        turn
    }

    fn is_lost(&self) -> Error {
        LockError::Lost {
            name: self.name().to_string(),
        }
        .into()
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        let Some(turn) = self.end("released") else {
            return;
        };
        let (core, lease) = (Arc::clone(&self.core), Arc::clone(&self.lease));
        let give_back = async move {
            if let Err(error) = core.give_back(&lease, turn).await {
                tracing::warn!(lock.name = %lease.name, error = &error as &dyn std::error::Error,
                    "a lock could not be given back: it is free when its time is over");
            }
        };
        self.core.tasks.spawn_on(give_back, &self.runtime);
    }
}

impl fmt::Debug for LockGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockGuard")
            .field("name", self.name())
            .field("fence", &self.fence())
            .field("is_valid", &self.is_valid())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for LockToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockToken")
            .field("tenant", &self.tenant)
            .field("name", &self.name)
            .field("fence", &self.fence)
            .finish_non_exhaustive()
    }
}
