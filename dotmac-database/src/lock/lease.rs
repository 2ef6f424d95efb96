//! `Lease`: what is known here of a lock that was taken: until when it is held, and how that ended.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::fence::Fence;
use super::name::LockName;
use super::turn::Turn;

/// Clocks differ in speed: the lease ends here earlier by a hundredth of it and 2 ms, as in
/// [Redlock](https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/).
const DRIFT: u32 = 100;
const DRIFT_LEAST: Duration = Duration::from_millis(2);

/// A lock that was taken. It is lost by the passing of time alone, whatever its keeper does.
pub struct Lease {
    pub name: LockName,
    pub token: Uuid,
    pub fence: Fence,
    /// For how long each renewal holds.
    pub ttl: Duration,
    /// When it was asked for.
    asked: Instant,
    /// When it is given up, however often it was renewed.
    ends: Option<Instant>,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    phase: Phase,
    valid_until: Instant,
    /// When it is to be renewed next.
    due: Instant,
    /// Lets nobody of this process ask, while it is held.
    turn: Option<Turn>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Held,
    /// It is or was given back: never to be renewed.
    GivenBack,
    Lost,
}

impl Lease {
    /// A lock that was asked for at `asked` and taken.
    pub fn new(
        name: LockName,
        token: Uuid,
        fence: Fence,
        ttl: Duration,
        asked: Instant,
        ends: Option<Instant>,
        turn: Option<Turn>,
    ) -> Self {
        Lease {
            name,
            token,
            fence,
            ttl,
            asked,
            ends,
            state: Mutex::new(State {
                phase: Phase::Held,
                valid_until: valid_until(asked, ttl, ends),
                due: asked + ttl / 3,
                turn,
            }),
            changed: Notify::new(),
        }
    }

    /// Whether the lock is held now, as far as can be known here.
    pub fn is_valid(&self) -> bool {
        let state = self.state();
        state.phase == Phase::Held && Instant::now() < state.valid_until
    }

    /// Returns once the lock is lost; for ever pending where it was given back.
    pub async fn lost(&self) {
        loop {
            let changed = self.changed.notified();
            let (phase, valid_until) = {
                let state = self.state();
                (state.phase, state.valid_until)
            };
            match phase {
                Phase::Lost => return,
                Phase::GivenBack => changed.await,
                Phase::Held if valid_until <= Instant::now() => return,
                Phase::Held => tokio::select! {
                    () = changed => {}
                    () = sleep_until(valid_until) => {}
                },
            }
        }
    }

    /// It was asked for again at `asked`, and is still held: for its time to live from then on. What has run
    /// out here meanwhile stays lost: its holder may know already.
    pub fn renewed(&self, asked: Instant) {
        let mut state = self.state();
        if state.phase == Phase::Held && Instant::now() < state.valid_until {
            // An answer may be overtaken by that of a later request.
            state.valid_until = state
                .valid_until
                .max(valid_until(asked, self.ttl, self.ends));
            state.due = asked + self.ttl / 3;
            drop(state);
            self.changed.notify_waiters();
        }
    }

    /// It is asked for again at `now`: once more where no answer comes.
    pub fn asked_again(&self, now: Instant) {
        self.state().due = now + (self.ttl / 6).max(Duration::from_millis(20));
    }

    /// It could not be renewed: once more after a while.
    pub fn put_off(&self, now: Instant) {
        let pause = (self.ttl / 20).clamp(Duration::from_millis(20), Duration::from_secs(1));
        self.state().due = now + pause;
    }

    /// When it has to be looked at next: to be renewed, or because it has ended.
    pub fn due(&self) -> Instant {
        let state = self.state();
        state.due.min(state.valid_until)
    }

    /// Whether it has ended by the passing of time.
    pub fn has_run_out(&self, now: Instant) -> bool {
        self.state().valid_until <= now
    }

    /// Whether it may be renewed.
    pub fn is_held(&self) -> bool {
        self.state().phase == Phase::Held
    }

    /// Whether it was lost, and that was noticed.
    pub fn is_lost(&self) -> bool {
        self.state().phase == Phase::Lost
    }

    /// For how long it is or was held, up to now.
    pub fn age(&self) -> Duration {
        self.asked.elapsed()
    }

    /// It is lost: whoever waits for it in this process may ask. False where it had ended before.
    pub fn lose(&self) -> bool {
        let mut state = self.state();
        if state.phase != Phase::Held {
            return false;
        }
        state.phase = Phase::Lost;
        let turn = state.turn.take();
        drop(state);
        drop(turn);
        self.changed.notify_waiters();
        true
    }

    /// Ends it before its time, and hands out the turn, to be dropped when that is done. `None` where it has
    /// ended already.
    pub fn give_back(&self) -> Option<Option<Turn>> {
        let mut state = self.state();
        if state.phase != Phase::Held {
            return None;
        }
        state.phase = Phase::GivenBack;
        let turn = state.turn.take();
        if let Some(turn) = &turn {
            turn.leave();
        }
        Some(turn)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn valid_until(asked: Instant, ttl: Duration, ends: Option<Instant>) -> Instant {
    let drift = ttl / DRIFT + DRIFT_LEAST;
    let until = asked + ttl.saturating_sub(drift);
    ends.map_or(until, |ends| ends.min(until))
}
