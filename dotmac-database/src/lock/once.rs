//! `Lock::run_once_per`: work that is done at most once in a period, by all processes together.

use std::time::Duration;

use tokio::time::Instant;

use super::fence::Fence;
use super::guard::LockGuard;
use super::locks::{LEAST_TTL, Lock, within};
use crate::context::Owner;
use crate::error::{LockError, Result};

const MOST_PERIOD: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// How [`Lock::run_once_per`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Once<T, E> {
    /// The work was done here, and is not due again before the period is over.
    Ran(T),
    /// It failed here, and is due again at once.
    Failed(E),
    /// It is not due: it was done in this period, or is under way.
    NotDue,
}

impl<S> Lock<S> {
    /// Does work unless it was begun within the last `period` (100 ms to 366 days), here or anywhere.
    ///
    /// The period begins with the work, by the clock of what keeps the locks, and the lock is taken for all of
    /// it: that is the mark. So [`holders`](super::Locks::holders) shows who did the work, and when, and
    /// [`force_release`](super::Locks::force_release) makes it due again. Give it a lock of its own; the
    /// lock's time to live and cap have no part in it.
    ///
    /// | the work | is due again |
    /// |---|---|
    /// | ends well | when the period is over |
    /// | answers with an error | at once |
    /// | panics, is dropped, or its process dies: nobody knows how far it came | when the period is over |
    /// | lasts longer than the period | when it ends |
    ///
    /// # Errors
    /// [`LockError::InvalidDuration`]; [`LockError::Lost`] where it was taken away while the work, which is
    /// then dropped, was done; [`LockError::Unsupported`] for locks in PostgreSQL, which end with their
    /// connection; those of [`try_acquire`](Self::try_acquire).
    ///
    /// # Cancel safety
    /// The work is dropped, and not due before the period is over.
    ///
    /// # Guarantees
    /// At most one run that may have succeeded begins in a period, for as long as the keeper of the locks
    /// remembers it: locks of the process end with it, and a Redis that restarts empty has forgotten.
    pub async fn run_once_per<W, T, E>(
        &self,
        owner: impl Owner<S>,
        period: Duration,
        work: impl FnOnce(Fence) -> W,
    ) -> Result<Once<T, E>>
    where
        W: Future<Output = std::result::Result<T, E>>,
    {
        if !self.core.backend.hands_over() {
            return Err(LockError::Unsupported {
                what: "running once in a period",
                keeper: self.core.backend.keeper(),
            }
            .into());
        }
        let lock = Lock {
            ttl: within("period", period, LEAST_TTL..=MOST_PERIOD)?,
            max_hold: None,
            ..self.clone()
        };
        let begun = Instant::now();
        let Some(guard) = lock.try_acquire(owner).await? else {
            return Ok(Once::NotDue);
        };
        let unfinished = Unfinished(&guard);
        let done = guard.while_held(work).await?;
        std::mem::forget(unfinished);
        let (once, told) = match done {
            Ok(value) => (Once::Ran(value), keep_until(guard, begun + period).await),
            Err(error) => (Once::Failed(error), guard.release().await.map(drop)),
        };
        if let Err(error) = told {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "when work is due again was not told: a period after its beginning or last renewal"
            );
        }
        Ok(once)
    }
}

/// Work that lasted for long has renewed its lock, and the period does not begin with its end.
async fn keep_until(guard: LockGuard, end: Instant) -> Result<()> {
    let left = end.saturating_duration_since(Instant::now());
    match left.is_zero() {
        true => guard.release().await.map(drop),
        // Keepers count in whole milliseconds.
        false => guard.leave_for(ceiled(left)).await,
    }
}

fn ceiled(left: Duration) -> Duration {
    let milliseconds = left.as_nanos().div_ceil(1_000_000);
    Duration::from_millis(u64::try_from(milliseconds).unwrap_or(u64::MAX))
}

/// Work that is under way: dropping it leaves the lock to run out with its period.
struct Unfinished<'g>(&'g LockGuard);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}
