//! `LockGuard`: a lock that is held.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::time::Instant;
use uuid::Uuid;

use super::core::Core;
use super::fence::Fence;
use super::lease::Lease;
use super::name::LockName;
use crate::error::{Error, LockError, Result};

/// A lock that is held, and renewed for as long as the guard lives.
///
/// Dropping it gives the lock back in the background, in any thread and also in a panic; where its runtime has
/// ended, the lock is free when its time is over.
///
/// # Guarantees
/// - [`is_valid`](Self::is_valid) is false, and [`lost`](Self::lost) returns, before the lock can be another's:
///   by this process's clock, whether or not the keeper of the lock can be reached.
/// - That is not enough for a holder that is paused between a look at it and a write. What must not be
///   overwritten has to compare the [`fence`](Self::fence).
#[must_use = "the lock is given back when the guard is dropped"]
pub struct LockGuard {
    core: Arc<Core>,
    lease: Arc<Lease>,
    runtime: Handle,
}

/// How [`LockGuard::release`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Released {
    /// The lock was held until now.
    Now,
    /// It was lost before: another may have it.
    WasLost,
}

/// A lock on its way to another process. Whoever has it can go on with the lock: treat it as a secret.
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
        LockGuard {
            core,
            lease,
            runtime: Handle::current(),
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
            _ => self.lease.lose(),
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
        let Some(turn) = lease.give_back() else {
            return Ok(Released::WasLost);
        };
        let task = async move { core.give_back(&lease, turn).await };
        match self.core.tasks.spawn(task).await {
            Ok(released) => released,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // It was ended with its runtime.
                Err(_) => Ok(Released::WasLost),
            },
        }
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
        if !self.is_valid() || self.lease.give_back().is_none() {
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

    fn is_lost(&self) -> Error {
        LockError::Lost {
            name: self.name().to_string(),
        }
        .into()
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        let Some(turn) = self.lease.give_back() else {
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
