//! Acquisitions that are dropped on their way: which locks are held by nobody a second later.

use std::pin::pin;
use std::time::Duration;

use futures_util::poll;

use crate::server::ThrowawayRedis;
use crate::{acme, line, locks};

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
    tokio::time::sleep(Duration::from_secs(1)).await;
    let held = locks.holders(&acme()).await.expect("lists").len();
    line(
        &format!("{count} acquisitions dropped: held by nobody after 1 s"),
        held,
    );
}
