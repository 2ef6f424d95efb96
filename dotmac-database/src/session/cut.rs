//! The signal that ends what a session waits for, when `close_within` has waited long enough.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use futures_util::task::AtomicWaker;

/// One session's signal. Whoever holds its connection is the one that listens.
#[derive(Default)]
pub struct Cut {
    given: AtomicBool,
    /// The session has ended, and its rollback goes on in the background.
    background: AtomicBool,
    listener: AtomicWaker,
}

impl Cut {
    pub fn give(&self) {
        self.given.store(true, Ordering::Release);
        self.listener.wake();
    }

    pub fn is_given(&self) -> bool {
        self.given.load(Ordering::Acquire)
    }

    pub fn in_background(&self) {
        self.background.store(true, Ordering::Release);
    }

    pub fn is_in_background(&self) -> bool {
        self.background.load(Ordering::Acquire)
    }

    /// Waits for the answer, or for the signal, which is told as a closed pool.
    pub async fn or<T>(
        &self,
        answer: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        let mut answer = pin!(answer);
        poll_fn(|cx| {
            self.listener.register(cx.waker());
            if self.is_given() {
                return Poll::Ready(Err(sqlx::Error::PoolClosed));
            }
            answer.as_mut().poll(cx)
        })
        .await
    }
}
