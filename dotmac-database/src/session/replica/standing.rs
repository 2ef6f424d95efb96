//! What is known of a replica, in numbers that a session reads without waiting.

use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering};

use serde::Serialize;
use tokio::sync::Notify;

use super::clock::Micros;

/// Whether read sessions go to a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReplicaState {
    /// It answers, was checked, and is not too far behind.
    Fit,
    /// It answers, and is further behind than `replica_max_lag`.
    Lagging,
    /// It does not answer, or did not yet.
    Lost,
    /// It is no replica any more: it takes writes of its own.
    Promoted,
    /// The start check refused it, or it belongs to another cluster or database.
    Refused,
}

const LOST: u8 = 0;
const SERVING: u8 = 1;
const PROMOTED: u8 = 2;
const REFUSED: u8 = 3;

/// The standing of one replica: written by the probe and by sessions that meet a broken connection.
#[derive(Default)]
pub struct Standing {
    state: AtomicU8,
    caught_up_to: AtomicU64,
    /// When the server that was checked was started; 0 while none was.
    incarnation: AtomicI64,
    left: Notify,
}

impl Standing {
    pub fn is_serving(&self) -> bool {
        self.state.load(Ordering::Acquire) == SERVING
    }

    /// The instant of the primary that it shows.
    pub fn caught_up_to(&self) -> Micros {
        self.caught_up_to.load(Ordering::Acquire)
    }

    pub fn is_fit(&self, since: Micros) -> bool {
        self.is_serving() && self.caught_up_to() >= since
    }

    pub fn state(&self, oldest: Micros) -> ReplicaState {
        match self.state.load(Ordering::Acquire) {
            SERVING if self.caught_up_to() >= oldest => ReplicaState::Fit,
            SERVING => ReplicaState::Lagging,
            PROMOTED => ReplicaState::Promoted,
            REFUSED => ReplicaState::Refused,
            _ => ReplicaState::Lost,
        }
    }

    pub fn is_checked(&self, incarnation: i64) -> bool {
        self.incarnation.load(Ordering::Acquire) == incarnation
    }

    /// The server of this incarnation may serve.
    pub fn checked(&self, incarnation: i64) {
        self.incarnation.store(incarnation, Ordering::Release);
    }

    pub fn serve(&self, caught_up_to: Micros) {
        self.caught_up_to.store(caught_up_to, Ordering::Release);
        self.state.store(SERVING, Ordering::Release);
    }

    /// It does not answer; whether it served until now.
    pub fn lose(&self) -> bool {
        self.leave(LOST) == SERVING
    }

    /// It takes writes of its own; whether that is new.
    pub fn promoted(&self) -> bool {
        self.leave(PROMOTED) != PROMOTED
    }

    /// It may not serve; whether that is new.
    pub fn refuse(&self) -> bool {
        self.leave(REFUSED) != REFUSED
    }

    /// Waits until it serves no more.
    pub async fn left(&self) {
        loop {
            let left = self.left.notified();
            if !self.is_serving() {
                return;
            }
            left.await;
        }
    }

    // A server that crashed may come back in an older state: what it had reached is forgotten.
    fn leave(&self, state: u8) -> u8 {
        let before = self.state.swap(state, Ordering::AcqRel);
        self.incarnation.store(0, Ordering::Release);
        self.caught_up_to.store(0, Ordering::Release);
        self.left.notify_waiters();
        before
    }
}
