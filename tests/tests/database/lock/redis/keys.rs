//! What the keys of the locks in Redis are like, and what becomes of them where they are not, or cannot grow.

use std::time::Duration;

use dotmac_database::lock::{Lock, Released};
use dotmac_database::{Error, LockError, RedisFault};

use super::support::{WAIT, acme, import, locks, take, try_to_take, until_answered};
use crate::cache::server::ThrowawayRedis;

const TTL: Duration = Duration::from_secs(30);
const EXISTS: &str = "EXISTS dotmac:{acme}:lock:import";
const LISTED: &str = "ZCARD dotmac:{acme}:locks";

/// The code with which Redis refuses to give the lock.
async fn refusal(lock: &Lock) -> String {
    let asked = lock.try_acquire(&acme()).await;
    let Err(Error::Lock(LockError::Unavailable { source, .. })) = asked else {
        panic!("{asked:?}");
    };
    match source.downcast_ref() {
        Some(RedisFault::Refused { code }) => code.clone(),
        _ => panic!("{source}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_redis_gives_no_lock_and_keeps_those_that_are_held() {
    let redis = ThrowawayRedis::start();
    let locks = locks(&redis).await;
    let (lock, other) = (import(&locks, TTL), locks.lock("export").expect("valid"));
    let held = take(&lock).await;
    let fence = redis.ask_for("ZSCORE dotmac:{acme}:locks \"\"");
    assert_eq!(redis.ask("CONFIG SET maxmemory 1"), "+OK");
    assert_eq!(refusal(&other).await, "OOM");
    assert_eq!(redis.ask("EXISTS dotmac:{acme}:lock:export"), ":0");
    assert_eq!(redis.ask(LISTED), ":2", "the fence and what is held");
    assert_eq!(redis.ask_for("ZSCORE dotmac:{acme}:locks \"\""), fence);
    held.renew().await.expect("is held");
    assert_eq!(held.release().await.expect("gives back"), Released::Now);
    assert_eq!(redis.ask(LISTED), ":1");
    assert_eq!(redis.ask("CONFIG SET maxmemory 0"), "+OK");
    assert!(take(&other).await.is_valid());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_no_lock_is_an_error_that_says_so() {
    let redis = ThrowawayRedis::start();
    let lock = import(&locks(&redis).await, TTL);
    assert_eq!(redis.ask("HSET dotmac:{acme}:lock:import token t"), ":1");
    assert_eq!(refusal(&lock).await, "WRONGTYPE");
    assert_eq!(redis.ask("DEL dotmac:{acme}:lock:import"), ":1");
    assert!(try_to_take(&lock).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_holders_left_behind_is_forgotten_a_day_later() {
    let redis = ThrowawayRedis::start();
    let locks = locks(&redis).await;
    let token = take(&import(&locks, Duration::from_millis(100))).await;
    let _ = token.hand_over().expect("is held");
    until_answered(&redis, EXISTS, ":0", WAIT).await;
    let other = locks.lock("export").expect("valid");
    take(&other).await.release().await.expect("gives back");
    assert_eq!(redis.ask(LISTED), ":2", "the fence and what was left");
    // A day passes: the last fence was given an hour ago at least, and is remembered for a day less.
    let week = 7 * 24 * 60 * 60 * 1_000;
    let fence = redis.ask_for("ZSCORE dotmac:{acme}:locks \"\"");
    let fence: i64 = fence.parse().expect("a number");
    let earlier = format!("ZADD dotmac:{{acme}}:locks {} \"\"", fence + 3_600_000_000);
    assert_eq!(redis.ask(&earlier), ":0");
    let later = format!("PEXPIRE dotmac:{{acme}}:locks {}", week - 1);
    assert_eq!(redis.ask(&later), ":1");
    take(&other).await.release().await.expect("gives back");
    assert_eq!(redis.ask(LISTED), ":1");
    let left = redis.ask("PTTL dotmac:{acme}:locks");
    let left: u64 = left[1..].parse().expect("a number");
    assert!(left > week, "the fence is remembered for longer: {left}");
}
