//! What the tests of locks in Redis share.

use std::time::{Duration, Instant};

use dotmac_database::lock::{Lock, LockGuard, Locks};
use dotmac_database::{Global, RedisConfig, RedisOptions, RequestContext};

use crate::cache::server::ThrowawayRedis;

/// Long enough for a busy machine.
pub const WAIT: Duration = Duration::from_secs(30);

pub fn acme() -> RequestContext {
    tenant("acme")
}

pub fn tenant(id: &str) -> RequestContext {
    RequestContext::tenant(id).expect("valid")
}

/// The locks of a process of its own, once Redis has answered.
pub async fn locks(redis: &ThrowawayRedis) -> Locks {
    locks_at(&redis.config(), Duration::from_secs(5)).await
}

/// The same at this place, and so patient.
pub async fn locks_at(config: &RedisConfig, timeout: Duration) -> Locks {
    let mut options = RedisOptions::default();
    options.timeout = timeout;
    let locks = Locks::connect_with(config, options).expect("connects");
    until_connected(&locks).await;
    locks
}

/// Waits until the server knows the scripts, and its time is known.
pub async fn until_connected(locks: &Locks) {
    let deadline = Instant::now() + WAIT;
    while locks.holders(Global).await.is_err() {
        assert!(Instant::now() < deadline, "Redis does not answer");
        tokio::task::yield_now().await;
    }
    let warm = locks.global("warm").expect("valid");
    let guard = warm.acquire(Global, WAIT).await.expect("is free");
    guard.release().await.expect("gives back");
}

pub fn import(locks: &Locks, ttl: Duration) -> Lock {
    let lock = locks.lock("import").and_then(|lock| lock.with_ttl(ttl));
    lock.expect("valid")
}

/// Takes the lock of acme, as another task: one task does not wait for itself.
pub async fn take(lock: &Lock) -> LockGuard {
    let lock = lock.clone();
    let taken = tokio::spawn(async move { lock.acquire(&acme(), WAIT).await });
    taken.await.expect("ends").expect("gets it")
}

/// Takes the lock of acme if it is free, as another task.
pub async fn try_to_take(lock: &Lock) -> Option<LockGuard> {
    let lock = lock.clone();
    let taken = tokio::spawn(async move { lock.try_acquire(&acme()).await });
    taken.await.expect("ends").expect("asks")
}

/// Waits for this answer of Redis, for so long at most.
pub async fn until_answered(redis: &ThrowawayRedis, command: &str, answer: &str, within: Duration) {
    let deadline = Instant::now() + within;
    loop {
        let now = redis.ask(command);
        if now == answer {
            return;
        }
        assert!(Instant::now() < deadline, "{command}: {now}");
        tokio::task::yield_now().await;
    }
}

/// How many scripts Redis has run since the last CONFIG RESETSTAT.
pub fn scripts(redis: &ThrowawayRedis) -> u64 {
    calls(redis, "cmdstat_eval")
}

/// How many commands whose statistics begin so it has run since then.
pub fn calls(redis: &ThrowawayRedis, beginning: &str) -> u64 {
    let statistics = redis.info("commandstats");
    let calls = statistics
        .lines()
        .filter(|line| line.starts_with(beginning))
        .filter_map(|line| line.split("calls=").nth(1)?.split(',').next())
        .map(|calls| calls.parse::<u64>().expect("a number"));
    calls.sum()
}
