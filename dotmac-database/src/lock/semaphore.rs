//! `Semaphore`: a lock that several may hold at a time.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;
use uuid::Uuid;

use super::guard::LockGuard;
use super::locks::{Lock, deadline};
use crate::context::{Owner, PerTenant};
use crate::error::{Error, LockError, Result};

const MOST: usize = 100;

/// A lock that several may hold at a time: each of its permits is a lock of its own, `name#0`, `name#1` and so
/// on, with all that a lock has. It works with every keeper of locks.
///
/// To ask costs a round trip while permits are free, and one for each permit when none is. In PostgreSQL, each
/// permit that is held or waited for has a connection of its own.
///
/// # Guarantees
/// No more than so many are held at a time, by all processes. Where they do not agree in the number, such as
/// while a new version of a program is rolled out, it is the greatest of theirs.
#[derive(Debug, Clone)]
pub struct Semaphore<S = PerTenant> {
    name: String,
    permits: Vec<Lock<S>>,
}

impl<S> Lock<S> {
    /// A lock of this kind that so many may hold at a time: 1 to 100.
    ///
    /// # Errors
    /// [`LockError::InvalidPermits`]; [`LockError::InvalidName`] where the name is too long for a number.
    pub fn with_permits(&self, count: usize) -> Result<Semaphore<S>> {
        if !(1..=MOST).contains(&count) {
            return Err(LockError::InvalidPermits { most: MOST }.into());
        }
        let permits = (0..count).map(|number| self.numbered(number));
        Ok(Semaphore {
            name: self.name.to_string(),
            permits: permits.collect::<Result<_>>()?,
        })
    }
}

impl<S> Semaphore<S> {
    /// Takes a permit if one is free. The guard's [name](LockGuard::name) has the permit's number, and its
    /// fence is greater than those of earlier holders of the same permit, not of all.
    ///
    /// # Errors
    /// [`LockError::AlreadyHeld`] where the running task has all of them; [`LockError::Unavailable`];
    /// [`Error::MissingTenant`].
    ///
    /// # Cancel safety
    /// What is taken for a future that was dropped is given back at once.
    pub async fn try_acquire(&self, owner: impl Owner<S>) -> Result<Option<LockGuard>> {
        let (mut own, mut refusal) = (0, None);
        for permit in self.rotated() {
            match permit.try_acquire(&owner).await {
                Ok(None) => {}
                Ok(Some(guard)) => return Ok(Some(guard)),
                Err(Error::Lock(LockError::AlreadyHeld { .. })) => own += 1,
                // Another one may be had all the same.
                Err(error) => refusal = Some(error),
            }
        }
        match refusal {
            Some(error) => Err(error),
            None if own == self.permits.len() => Err(self.is_own()),
            None => Ok(None),
        }
    }

    /// Takes a permit, and waits for one at most for `wait`.
    ///
    /// # Errors
    /// [`LockError::TimedOut`], and those of [`try_acquire`](Self::try_acquire).
    ///
    /// # Cancel safety
    /// As [`try_acquire`](Self::try_acquire).
    pub async fn acquire(&self, owner: impl Owner<S>, wait: Duration) -> Result<LockGuard> {
        let until = deadline(wait);
        if let Some(guard) = self.try_acquire(&owner).await? {
            return Ok(guard);
        }
        let left = until.saturating_duration_since(Instant::now());
        // Whichever is free first; what the others get meanwhile is given back.
        let each = self.rotated();
        let mut each: FuturesUnordered<_> =
            each.map(|permit| permit.acquire(&owner, left)).collect();
        let (name, waited) = (self.name.clone(), wait);
        let mut refusal = LockError::TimedOut { name, waited }.into();
        while let Some(taken) = each.next().await {
            match taken {
                Ok(guard) => return Ok(guard),
                Err(Error::Lock(LockError::TimedOut { .. } | LockError::AlreadyHeld { .. })) => {}
                // Another one may be had all the same.
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }

    /// All permits, beginning with any: so that not all ask for the first one.
    fn rotated(&self) -> impl Iterator<Item = &Lock<S>> {
        let (count, any) = (self.permits.len() as u128, Uuid::new_v4().as_u128());
        let start = usize::try_from(any % count.max(1)).unwrap_or_default();
        let permits = self.permits.iter().cycle().skip(start);
        permits.take(self.permits.len())
    }

    fn is_own(&self) -> Error {
        let name = self.name.clone();
        LockError::AlreadyHeld { name }.into()
    }
}
