//! `Lock::acquire_all`: several locks at once, or none.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select_all;

use super::acquire::acquire;
use super::guard::{LockGuard, Released};
use super::locks::{Lock, deadline};
use crate::context::Owner;
use crate::error::{LockError, Result};

/// Several locks that are held. Dropping it gives all of them back.
#[must_use = "the locks are given back when the guards are dropped"]
#[derive(Debug)]
pub struct LockGuards(Vec<LockGuard>);

impl<S> Lock<S> {
    /// Takes several locks, all or none, and waits for them at most for `wait` in all.
    ///
    /// They are taken in the order of their names, whatever the order of the call: so no two calls wait for
    /// each other. A lock that is named twice is taken once. The first ones are held while the call waits for
    /// others: whoever needs one of them waits as well.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use dotmac_database::RequestContext;
    /// # use dotmac_database::lock::{Lock, Locks};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> dotmac_database::Result<()> {
    /// # let (locks, acme) = (Locks::in_process(), RequestContext::tenant("acme")?);
    /// let (from, to) = (locks.lock("account/7")?, locks.lock("account/3")?);
    /// let guards = Lock::acquire_all([&from, &to], &acme, Duration::from_secs(5)).await?;
    /// assert!(guards.is_valid());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`LockError::TimedOut`] of the lock that was another's; those of [`try_acquire`](Self::try_acquire).
    ///
    /// # Cancel safety
    /// What is taken is given back.
    pub async fn acquire_all<'l>(
        locks: impl IntoIterator<Item = &'l Lock<S>>,
        owner: impl Owner<S>,
        wait: Duration,
    ) -> Result<LockGuards>
    where
        S: 'l,
    {
        let mut locks: Vec<&Lock<S>> = locks.into_iter().collect();
        locks.sort_by(|one, other| one.name.cmp(&other.name));
        locks.dedup_by(|one, other| one.name == other.name && Arc::ptr_eq(&one.core, &other.core));
        let until = deadline(wait);
        let mut guards = Vec::with_capacity(locks.len());
        for lock in locks {
            let bid = lock.bid(&owner)?;
            let name = bid.name.to_string();
            let taken = acquire(&lock.core, bid, lock.max_hold, until).await?;
            guards.push(taken.ok_or(LockError::TimedOut { name, waited: wait })?);
        }
        Ok(LockGuards(guards))
    }
}

impl LockGuards {
    /// Each of them, in the order of their names.
    pub fn guards(&self) -> &[LockGuard] {
        &self.0
    }

    /// Whether all are held now.
    pub fn is_valid(&self) -> bool {
        self.0.iter().all(LockGuard::is_valid)
    }

    /// Returns once one of them is lost.
    ///
    /// # Cancel safety
    /// Safe at any point.
    pub async fn lost(&self) {
        let each = self.0.iter().map(|guard| Box::pin(guard.lost()));
        match each.len() {
            // Of none, none is lost.
            0 => std::future::pending().await,
            _ => drop(select_all(each).await),
        }
    }

    /// Gives all back, the last one first, and says whether all were held until now.
    ///
    /// # Errors
    /// The first one's; the others are given back all the same.
    ///
    /// # Cancel safety
    /// All are given back also where the future is dropped.
    pub async fn release(mut self) -> Result<Released> {
        let mut released = Ok(Released::Now);
        while let Some(guard) = self.0.pop() {
            let one = guard.release().await;
            if matches!(released, Ok(Released::Now)) {
                released = one;
            }
        }
        released
    }
}
