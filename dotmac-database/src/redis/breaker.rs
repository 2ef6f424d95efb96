//! A circuit breaker: after some failures in a row nobody waits for Redis, until a probe has succeeded.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The breaker of one role of Redis (cache or locks); clones of a client share it.
pub struct Breaker {
    /// Whether commands have to ask `state` first: the hot path reads no lock.
    is_open: AtomicBool,
    state: Mutex<State>,
    after: u32,
    pause: Duration,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Commands pass; so many failed in a row.
    Closed { failures: u32 },
    /// None passes before this moment.
    Open { until: Instant },
    /// One was let through, and decides; if it never answers, another does from this moment on.
    Probing { until: Instant },
}

impl Breaker {
    /// Opens after so many failures in a row, for so long.
    pub fn new(after: u32, pause: Duration) -> Self {
        Breaker {
            is_open: AtomicBool::new(false),
            state: Mutex::new(State::Closed { failures: 0 }),
            after,
            pause,
        }
    }

    /// Whether a command may be sent. Of those that ask while the breaker is open, one in each pause may.
    pub fn lets_pass(&self) -> bool {
        if !self.is_open.load(Ordering::Acquire) {
            return true;
        }
        let now = Instant::now();
        let mut state = self.state();
        match *state {
            State::Closed { .. } => true,
            State::Open { until } | State::Probing { until } if now < until => false,
            State::Open { .. } | State::Probing { .. } => {
                *state = State::Probing {
                    until: now + self.pause,
                };
                true
            }
        }
    }

    /// Whether commands are held back now.
    pub fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    /// A command was answered, be it by an error.
    pub fn succeeded(&self) {
        let mut state = self.state();
        if let State::Closed { failures: 0 } = *state {
            return;
        }
        *state = State::Closed { failures: 0 };
        self.is_open.store(false, Ordering::Release);
    }

    /// A command was not answered.
    pub fn failed(&self) {
        let mut state = self.state();
        let failures = match *state {
            State::Closed { failures } => failures.saturating_add(1),
            // Those that were sent before it opened answer late.
            State::Open { .. } => return,
            State::Probing { .. } => self.after,
        };
        *state = if failures < self.after {
            State::Closed { failures }
        } else {
            self.is_open.store(true, Ordering::Release);
            State::Open {
                until: Instant::now() + self.pause,
            }
        };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(1);

    fn open() -> Breaker {
        let breaker = Breaker::new(2, PAUSE);
        breaker.failed();
        assert!(breaker.lets_pass(), "one failure is none");
        breaker.failed();
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn c02_opens_after_failures_in_a_row_only() {
        let breaker = Breaker::new(2, PAUSE);
        breaker.failed();
        breaker.succeeded();
        breaker.failed();
        assert!(breaker.lets_pass());
        breaker.failed();
        assert!(!breaker.lets_pass());
    }

    #[tokio::test(start_paused = true)]
    async fn c03_a_single_probe_decides() {
        let breaker = open();
        assert!(!breaker.lets_pass());
        tokio::time::advance(PAUSE).await;
        assert!(breaker.lets_pass(), "the probe");
        assert!(!breaker.lets_pass(), "nobody beside it");
        breaker.failed();
        assert!(!breaker.lets_pass(), "open again");
        tokio::time::advance(PAUSE).await;
        assert!(breaker.lets_pass());
        breaker.succeeded();
        assert!(breaker.lets_pass() && breaker.lets_pass());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_was_dropped_is_followed_by_another() {
        let breaker = open();
        tokio::time::advance(PAUSE).await;
        assert!(breaker.lets_pass());
        tokio::time::advance(PAUSE).await;
        assert!(breaker.lets_pass());
    }
}
