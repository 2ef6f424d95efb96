//! `Waiters`: those of this process who wait for a lock, and the messages that wake them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::store::Waiting;
use crate::redis::{Event, Redis};

/// Whoever waits asks again after so long at most, whether or not a message came.
const POLL: Duration = Duration::from_secs(1);
/// Whoever has not asked for so long is gone.
const GONE: Duration = Duration::from_secs(3);

/// Those who wait, by the token of what they ask for.
pub struct Waiters {
    /// The name of this process, in its channel and in the queues.
    process: Uuid,
    waiting: Mutex<HashMap<Uuid, Waiter>>,
}

#[derive(Clone)]
struct Waiter {
    woken: Arc<Notify>,
    asks_again: Instant,
}

impl Waiters {
    pub fn new() -> Arc<Self> {
        Arc::new(Waiters {
            process: Uuid::new_v4(),
            waiting: Mutex::default(),
        })
    }

    /// Hears the messages for this process until it is aborted, or the client is closed.
    pub fn listen(self: &Arc<Self>, redis: Redis) -> AbortHandle {
        let waiters = Arc::clone(self);
        let listening = tokio::spawn(async move {
            let channel = format!("dotmac:locks:{}", waiters.process.simple());
            match redis.listen(channel).await {
                Ok(mut events) => {
                    while let Some(event) = events.next().await {
                        waiters.hear(&event);
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "releases of locks cannot be heard: waiters ask each second");
                }
            }
        });
        listening.abort_handle()
    }

    /// Begins to wait, before it is asked: a message may be faster than the answer.
    pub fn enter(&self, token: Uuid) -> Waiting {
        let mut is_queued = true;
        self.waiting().entry(token).or_insert_with(|| {
            is_queued = false;
            Waiter {
                woken: Arc::default(),
                asks_again: Instant::now(),
            }
        });
        Waiting {
            name: self.name(token),
            gone: GONE,
            is_queued,
        }
    }

    /// What a waiter is called in queues.
    pub fn name(&self, token: Uuid) -> Bytes {
        Bytes::from(format!("{}{}", self.process.simple(), token.simple()))
    }

    /// The lock is held by another, and runs out in so long unless it is renewed.
    pub fn put_off(&self, token: Uuid, runs_out: Duration) {
        // Not all at once.
        let pause = POLL.mul_f64(0.75 + 0.25 * fastrand::f64());
        let pause = pause.min(runs_out + POLL.mul_f64(0.05 * fastrand::f64()));
        if let Some(waiter) = self.waiting().get_mut(&token) {
            waiter.asks_again = Instant::now() + pause;
        }
    }

    /// Returns when it is time to ask again.
    pub async fn woken(&self, token: Uuid) {
        let waiter = self.waiting().get(&token).cloned();
        if let Some(Waiter { woken, asks_again }) = waiter {
            tokio::select! {
                () = woken.notified() => {}
                () = sleep_until(asks_again) => {}
            }
        }
    }

    /// Waits no more; whether it did.
    pub fn leave(&self, token: Uuid) -> bool {
        self.waiting().remove(&token).is_some()
    }

    fn hear(&self, event: &Event) {
        let waiting = self.waiting();
        match event {
            Event::Message(token) => {
                let token = Uuid::try_parse_ascii(token).ok();
                if let Some(waiter) = token.and_then(|token| waiting.get(&token)) {
                    waiter.woken.notify_one();
                }
            }
            // Messages may have been lost.
            Event::Connected | Event::Lagged => {
                waiting
                    .values()
                    .for_each(|waiter| waiter.woken.notify_one());
            }
            Event::Disconnected => {}
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Uuid, Waiter>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn l11_a_message_that_comes_before_the_answer_is_not_lost() {
        let waiters = Waiters::new();
        let token = Uuid::new_v4();
        assert!(!waiters.enter(token).is_queued);
        assert!(waiters.enter(token).is_queued);
        waiters.hear(&Event::Message(token.simple().to_string().into()));
        waiters.put_off(token, POLL);
        let before = Instant::now();
        waiters.woken(token).await;
        assert_eq!(before.elapsed(), Duration::ZERO);
        waiters.woken(token).await;
        assert!(before.elapsed() >= POLL.mul_f64(0.75), "one message, once");
        assert!(before.elapsed() <= POLL);
        assert!(waiters.leave(token) && !waiters.leave(token));
    }

    #[tokio::test(start_paused = true)]
    async fn l11_a_connection_that_is_new_wakes_all_and_a_lock_that_runs_out_is_asked_for_then() {
        let waiters = Waiters::new();
        let (one, two) = (Uuid::new_v4(), Uuid::new_v4());
        waiters.enter(one);
        waiters.enter(two);
        waiters.put_off(one, POLL);
        waiters.put_off(two, Duration::from_millis(100));
        let before = Instant::now();
        waiters.woken(two).await;
        assert!(before.elapsed() >= Duration::from_millis(100));
        assert!(before.elapsed() <= Duration::from_millis(151));
        waiters.hear(&Event::Connected);
        let before = Instant::now();
        waiters.woken(one).await;
        assert_eq!(before.elapsed(), Duration::ZERO);
    }
}
