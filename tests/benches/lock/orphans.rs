//! Acquisitions that are dropped on their way: how soon no lock is held by nobody, a second at most.

use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::poll;

use crate::server::ThrowawayRedis;
use crate::{acme, line, locks};

const SECOND: Duration = Duration::from_secs(1);

pub async fn print(count: usize) {
    let redis = ThrowawayRedis::start();
    let locks = locks(&redis.config()).await;
    for at in 0..count {
        let lock = locks.lock(&format!("left-{at}")).expect("valid");
        let context = acme();
        let mut asks = pin!(lock.acquire(&context, Duration::from_secs(5)));
        // Dropped before it asks, while it waits, and when it has the lock.
        for _ in 0..at % 8 {
            if poll!(&mut asks).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    let dropped = Instant::now();
    let held = async || locks.holders(&acme()).await.expect("lists").len();
    while held().await > 0 && dropped.elapsed() < SECOND {}
    line(
        &format!("{count} acquisitions dropped: held by nobody"),
        format!("{}, {:?} later", held().await, dropped.elapsed()),
    );
}
