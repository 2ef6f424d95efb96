//! What locks in Redis cost, and what they hold under load.
//!
//! ```text
//! cargo bench -p dotmac-tests --all-features --bench lock
//! ```
//!
//! Figures are medians; what is compared takes turns, so that noise meets all alike. It needs
//! `redis-server`, of which it starts its own.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark that fails panics, like a test"
)]

mod held;
mod orphans;
#[path = "../../tests/database/cache/server.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod server;
mod trip;
mod turns;
mod waiters;

use std::time::{Duration, Instant};

use dotmac_database::lock::{Lock, Locks};
use dotmac_database::{Global, RedisConfig, RedisOptions, RequestContext};

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if let Some(role) = turns::role() {
        return runtime.block_on(turns::contend(role));
    }
    // Small where `cargo test` only wants to know whether the benchmark still runs.
    let is_bench = std::env::args().any(|it| it == "--bench");
    runtime.block_on(async move {
        println!("| what | figure |\n|---|--:|");
        trip::print(if is_bench { 5_000 } else { 5 }).await;
        let (locks, ticks) = if is_bench { (1_000, 10) } else { (10, 1) };
        held::print(locks, ticks).await;
        waiters::print(if is_bench { 1_000 } else { 10 }).await;
        orphans::print(if is_bench { 10_000 } else { 10 }).await;
        turns::print(if is_bench { 10_000 } else { 64 }).await;
    });
}

/// A line of the table.
fn line(what: &str, figure: impl std::fmt::Display) {
    println!("| {what} | {figure} |");
}

/// The locks of a process of its own, once Redis has answered.
async fn locks(config: &RedisConfig) -> Locks {
    let mut options = RedisOptions::default();
    options.timeout = Duration::from_secs(5);
    let locks = Locks::connect_with(config, options).expect("connects");
    while locks.holders(Global).await.is_err() {
        tokio::task::yield_now().await;
    }
    let guard = import(&locks)
        .acquire(&acme(), Duration::from_secs(5))
        .await;
    guard.expect("is free").release().await.expect("gives back");
    locks
}

fn import(locks: &Locks) -> Lock {
    locks.lock("import").expect("valid")
}

fn acme() -> RequestContext {
    RequestContext::tenant("acme").expect("valid")
}

/// How many scripts Redis has run since CONFIG RESETSTAT.
fn scripts(redis: &server::ThrowawayRedis) -> f64 {
    let statistics = redis.info("commandstats");
    let calls = statistics
        .lines()
        .filter(|line| line.starts_with("cmdstat_eval"))
        .filter_map(|line| line.split("calls=").nth(1)?.split(',').next())
        .map(|calls| calls.parse::<f64>().expect("a number"));
    calls.sum()
}

/// How long something takes.
async fn timed<T>(work: impl Future<Output = T>) -> (Duration, T) {
    let begun = Instant::now();
    let done = work.await;
    (begun.elapsed(), done)
}

/// The one in the middle.
fn median(samples: &mut [Duration]) -> Duration {
    samples.sort_unstable();
    samples[samples.len() / 2]
}
