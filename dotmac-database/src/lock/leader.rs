//! `Leader`: a task that runs on one process at a time, and on another one when that is gone.

use std::fmt;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::fence::Fence;
use super::guard::LockGuard;
use super::lease::Lease;
use super::locks::Lock;
use crate::context::{Owner, PerTenant};
use crate::error::{Error, ErrorKind, LockError, Result};

/// A candidate asks for so long at a time. It makes no difference but to the statistics.
const ROUND: Duration = Duration::from_secs(60 * 60);

/// Runs a task on one process at a time: on that which holds the lock. Clones share what is known of it.
///
/// # Guarantees
/// - Two processes do not run the task at once, as far as their clocks run at one speed and the task gives way
///   when it is dropped: a task that is lost is dropped before the lock can be another's. A process that is
///   paused for longer than the lock's time to live is told apart by the [fence](Term::fence) alone.
/// - Another process leads at once after the leader has ended, or gives the lock back; after the lock's time to
///   live where the leader died or was cut off; and not later than a sixth of it (a second at most) after the
///   keeper of the locks can be reached again.
pub struct Leader<S = PerTenant> {
    lock: Lock<S>,
    grace: Duration,
    term: watch::Sender<Option<Term>>,
}

/// How [`Leader::run`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Led<T> {
    /// The task came to its end while this process led. Another process begins it again.
    Done(T),
    /// It was told to stop, before or while this process led.
    Stopped,
}

/// A time for which this process leads.
#[derive(Clone)]
pub struct Term {
    lease: Arc<Lease>,
    stop: CancellationToken,
}

impl<S> Leader<S> {
    /// A candidate for the lock. The lock's time to live is how long nobody leads after the leader has died.
    pub fn new(lock: Lock<S>) -> Self {
        Leader {
            lock,
            grace: Duration::ZERO,
            term: watch::Sender::new(None),
        }
    }

    /// With so much time for the task to end by itself when it is told to [stop](Term::stopping): none by
    /// default, so that it is dropped.
    pub fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Whether this process leads now.
    pub fn is_leader(&self) -> bool {
        self.term().is_some()
    }

    /// The time for which this process leads now.
    pub fn term(&self) -> Option<Term> {
        self.term.borrow().clone().filter(Term::is_valid)
    }

    /// Waits until this process leads.
    ///
    /// # Cancel safety
    /// Safe at any point.
    pub async fn elected(&self) -> Term {
        let mut terms = self.term.subscribe();
        loop {
            if let Some(term) = self.term() {
                return term;
            }
            // The sender is here: it cannot be gone.
            let _ = terms.changed().await;
        }
    }

    /// Stands for election until `stop` comes, and runs what `task` makes of the term whenever it is won: again
    /// after each loss, in which the running one is dropped.
    ///
    /// While the keeper of the locks cannot be reached, it is asked again, and nobody is told but the log.
    /// `stop` is any future, such as `token.cancelled()` of a `CancellationToken`.
    ///
    /// # Errors
    /// What asking again does not mend: [`Error::MissingTenant`]; [`LockError::AlreadyHeld`] where the running
    /// task holds the lock; [`LockError::Unsupported`].
    ///
    /// # Panics
    /// As `task` does: the lock is given back.
    ///
    /// # Cancel safety
    /// The task is dropped, and the lock given back, without grace.
    pub async fn run<W, T>(
        &self,
        owner: impl Owner<S>,
        stop: impl Future<Output = ()>,
        mut task: impl FnMut(Term) -> W,
    ) -> Result<Led<T>>
    where
        W: Future<Output = T>,
    {
        let mut stop = pin!(stop);
        loop {
            let guard = tokio::select! {
                biased;
                () = &mut stop => return Ok(Led::Stopped),
                guard = self.win(&owner) => guard?,
            };
            let name = guard.name().name();
            tracing::info!(lock.name = name, fence = %guard.fence(), "this process leads");
            let led = self.lead(&guard, stop.as_mut(), &mut task).await;
            tracing::info!(lock.name = name, "this process does not lead any more");
            if let Some(led) = led {
                // It is given back all the same, when its time is over.
                if let Err(error) = guard.release().await {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the lead was not given back: another process has it when its time is over"
                    );
                }
                return Ok(led);
            }
        }
    }

    /// Waits for the lock, through outages of its keeper.
    async fn win(&self, owner: &impl Owner<S>) -> Result<LockGuard> {
        let pause = (self.lock.ttl / 6).clamp(Duration::from_millis(20), Duration::from_secs(1));
        let mut is_cut_off = false;
        loop {
            match self.lock.acquire(owner, ROUND).await {
                Err(Error::Lock(LockError::TimedOut { .. })) => {}
                Err(error) if passes(&error) => {
                    if !std::mem::replace(&mut is_cut_off, true) {
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            "who leads is not known: asked again"
                        );
                    }
                    sleep(pause).await;
                }
                won => return won,
            }
        }
    }

    /// Runs the task for one term; `None` where that was lost. The task is gone when it returns.
    async fn lead<W, T>(
        &self,
        guard: &LockGuard,
        mut stop: Pin<&mut impl Future<Output = ()>>,
        task: &mut impl FnMut(Term) -> W,
    ) -> Option<Led<T>>
    where
        W: Future<Output = T>,
    {
        let term = Term {
            lease: Arc::clone(guard.lease()),
            stop: CancellationToken::new(),
        };
        let _seat = self.take_seat(term.clone());
        let mut running = pin!(task(term.clone()));
        tokio::select! {
            biased;
            () = guard.lost() => return None,
            done = &mut running => return Some(Led::Done(done)),
            () = &mut stop => term.stop.cancel(),
        }
        let ending = async {
            tokio::select! {
                biased;
                () = guard.lost() => Led::Stopped,
                done = &mut running => Led::Done(done),
            }
        };
        Some(timeout(self.grace, ending).await.unwrap_or(Led::Stopped))
    }

    fn take_seat(&self, term: Term) -> Seat<'_> {
        self.term.send_replace(Some(term));
        Seat(&self.term)
    }
}

/// Whether an error is one of the way to the keeper, and asking again may help.
fn passes(error: &Error) -> bool {
    // After a failover, the old address may lead to a standby for a while.
    matches!(
        error,
        Error::Lock(LockError::Unavailable { .. } | LockError::OnStandby)
    ) || matches!(
        error.kind(),
        ErrorKind::ConnectionLost
            | ErrorKind::PoolTimeout
            | ErrorKind::LockTimeout
            | ErrorKind::StatementTimeout
    )
}

/// Shows that this process leads; dropping it, in a panic too, that it does not.
struct Seat<'l>(&'l watch::Sender<Option<Term>>);

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.send_replace(None);
    }
}

impl Term {
    /// The number of the term, greater than those of all earlier leaders.
    pub fn fence(&self) -> Fence {
        self.lease.fence
    }

    /// Whether this process leads still.
    pub fn is_valid(&self) -> bool {
        self.lease.is_valid()
    }

    /// Returns when the task has to come to its end: within the grace.
    ///
    /// # Cancel safety
    /// Safe at any point.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }
}

impl<S> Clone for Leader<S> {
    fn clone(&self) -> Self {
        Leader {
            lock: self.lock.clone(),
            grace: self.grace,
            term: self.term.clone(),
        }
    }
}

impl<S> fmt::Debug for Leader<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leader")
            .field("lock", &self.lock)
            .field("term", &self.term())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Term")
            .field("fence", &self.fence())
            .field("is_valid", &self.is_valid())
            .finish_non_exhaustive()
    }
}
