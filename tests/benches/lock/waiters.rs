//! Many who wait for one lock, over four processes: how often Redis is asked for each turn.

use std::time::Duration;

use tokio::task::JoinSet;

use crate::server::{ThrowawayRedis, until};
use crate::{acme, import, line, locks, scripts, timed};

pub async fn print(count: usize) {
    let redis = ThrowawayRedis::start();
    let mut processes = Vec::new();
    for _ in 0..4 {
        processes.push(locks(&redis.config()).await);
    }
    let held = import(&processes[0])
        .acquire(&acme(), Duration::from_secs(5))
        .await;
    let mut waiters = JoinSet::new();
    for at in 0..count {
        let lock = import(&processes[at % 4]);
        waiters.spawn(async move {
            let guard = lock.acquire(&acme(), Duration::from_secs(600)).await;
            guard.expect("gets it").release().await.expect("gives back");
        });
    }
    until(|| redis.ask("ZCARD dotmac:{acme}:queue:import") == ":3").await;
    redis.ask("CONFIG RESETSTAT");
    held.expect("is free").release().await.expect("gives back");
    let (passed, ()) = timed(async { while waiters.join_next().await.is_some() {} }).await;
    let turns = u32::try_from(count).expect("few");
    line(
        &format!("{count} waiters in 4 processes: scripts for each turn"),
        format!("{:.2}", scripts(&redis) / f64::from(turns)),
    );
    line(
        &format!("{count} waiters in 4 processes: time of a turn"),
        format!("{:.0} µs", passed.as_secs_f64() * 1e6 / f64::from(turns)),
    );
}
