//! Those who wait for a lock in Redis: who is woken, and what if the message is lost.

use std::time::{Duration, Instant};

use dotmac_database::RedisConfig;
use dotmac_database::lock::{Lock, Released};
use tokio::task::JoinHandle;

use super::support::{WAIT, acme, import, locks, locks_at, scripts, take};
use crate::cache::server::{ThrowawayRedis, until};
use crate::fault_proxy::{Fault, FaultProxy};

const TTL: Duration = Duration::from_secs(30);
/// Whoever waits asks again by himself after this at the earliest.
const POLL_LEAST: Duration = Duration::from_millis(750);
const QUEUE: &str = "ZCARD dotmac:{acme}:queue:import";

/// Waits for the lock, and gives it back.
fn waiter(lock: &Lock) -> JoinHandle<()> {
    let lock = lock.clone();
    tokio::spawn(async move {
        let guard = lock.acquire(&acme(), 4 * WAIT).await.expect("gets it");
        assert_eq!(guard.release().await.expect("gives back"), Released::Now);
    })
}

async fn until_waiting(redis: &ThrowawayRedis, processes: usize) {
    until(|| redis.ask(QUEUE) == format!(":{processes}")).await;
}

/// Those who waited in so many rounds were told of the release, and did not find it by asking again.
#[track_caller]
fn were_woken(waited: Duration, rounds: u32) {
    // Who has just asked asks again after that long at least, or a little less, counted from the release.
    assert!(
        waited < rounds * POLL_LEAST / 2,
        "only by asking again: {waited:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_wakes_one_who_waits_in_another_process() {
    let redis = ThrowawayRedis::start();
    let (here, there) = (locks(&redis).await, locks(&redis).await);
    let (here, there) = (import(&here, TTL), import(&there, TTL));
    let rounds = 8;
    let mut waited = Duration::ZERO;
    for _ in 0..rounds {
        let guard = take(&here).await;
        let waits = waiter(&there);
        until_waiting(&redis, 1).await;
        let left = redis.ask("PTTL dotmac:{acme}:queue:import");
        let left: i64 = left[1..].parse().expect("a number");
        assert!((1..=3_000).contains(&left), "who dies is forgotten: {left}");
        let released = Instant::now();
        guard.release().await.expect("gives back");
        waits.await.expect("gets it");
        waited += released.elapsed();
    }
    were_woken(waited, rounds);
}

#[tokio::test(flavor = "multi_thread")]
async fn l11_whoever_is_not_told_of_a_release_asks_within_a_second() {
    let redis = ThrowawayRedis::start();
    let proxy = FaultProxy::start(redis.port());
    let here = import(&locks(&redis).await, TTL);
    let config = format!("redis://127.0.0.1:{}", proxy.port());
    let config = RedisConfig::new(&config).expect("valid");
    let there = import(&locks_at(&config, Duration::from_secs(5)).await, TTL);
    let guard = take(&here).await;
    let waits = waiter(&there);
    until_waiting(&redis, 1).await;
    proxy.next("dotmac:locks:", Fault::MessageLost);
    let released = Instant::now();
    guard.release().await.expect("gives back");
    waits.await.expect("gets it");
    assert_eq!(proxy.happened(), 1, "the message was lost");
    // A second, and what a busy machine needs.
    assert!(
        released.elapsed() < Duration::from_secs(4),
        "{:?}",
        released.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn l11_a_subscription_that_is_cut_is_made_again_and_whoever_waits_asks() {
    let redis = ThrowawayRedis::start();
    let (here, there) = (locks(&redis).await, locks(&redis).await);
    let (here, there) = (import(&here, TTL), import(&there, TTL));
    for _ in 0..3 {
        let guard = take(&here).await;
        let waits = waiter(&there);
        until_waiting(&redis, 1).await;
        redis.ask("CLIENT KILL TYPE pubsub");
        guard.release().await.expect("gives back");
        waits.await.expect("gets it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_no_more_is_not_woken_in_the_place_of_another() {
    let redis = ThrowawayRedis::start();
    let processes = [
        locks(&redis).await,
        locks(&redis).await,
        locks(&redis).await,
    ];
    let [here, gone, there] = processes.each_ref().map(|locks| import(locks, TTL));
    let rounds = 8;
    let mut waited = Duration::ZERO;
    for _ in 0..rounds {
        let guard = take(&here).await;
        let goes = waiter(&gone);
        until_waiting(&redis, 1).await;
        let waits = waiter(&there);
        until_waiting(&redis, 2).await;
        goes.abort();
        assert!(goes.await.is_err());
        let released = Instant::now();
        guard.release().await.expect("gives back");
        waits.await.expect("gets it");
        waited += released.elapsed();
    }
    were_woken(waited, rounds);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_given_up_is_not_woken_in_the_place_of_another() {
    let redis = ThrowawayRedis::start();
    let (here, there) = (locks(&redis).await, locks(&redis).await);
    let (here, there) = (import(&here, TTL), import(&there, TTL));
    let rounds = 8;
    let mut waited = Duration::ZERO;
    for _ in 0..rounds {
        let guard = take(&here).await;
        let waits = waiter(&there);
        until_waiting(&redis, 1).await;
        // Their processes have died; the others of theirs keep the queue.
        for dead in ["dead", "gone"] {
            let died = format!("ZADD dotmac:{{acme}}:queue:import 1 {dead:0>64}");
            assert_eq!(redis.ask(&died), ":1");
        }
        let released = Instant::now();
        guard.release().await.expect("gives back");
        waits.await.expect("gets it");
        waited += released.elapsed();
    }
    were_woken(waited, rounds);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_woken_and_has_gone_wakes_another() {
    let redis = ThrowawayRedis::start();
    let proxy = FaultProxy::start(redis.port());
    let (here, there) = (locks(&redis).await, locks(&redis).await);
    let (here, there) = (import(&here, TTL), import(&there, TTL));
    let config = RedisConfig::new(&format!("redis://127.0.0.1:{}", proxy.port()));
    let gone = locks_at(&config.expect("valid"), Duration::from_secs(5)).await;
    let gone = import(&gone, TTL);
    let rounds = 8;
    let mut waited = Duration::ZERO;
    for round in 1..=rounds {
        let guard = take(&here).await;
        let goes = waiter(&gone);
        until_waiting(&redis, 1).await;
        let waits = waiter(&there);
        until_waiting(&redis, 2).await;
        // It is woken, does not hear of it, and goes.
        proxy.next("dotmac:locks:", Fault::MessageLost);
        let released = Instant::now();
        guard.release().await.expect("gives back");
        until(|| proxy.happened() == round).await;
        goes.abort();
        assert!(goes.await.is_err());
        waits.await.expect("gets it");
        waited += released.elapsed();
    }
    let rounds = u32::try_from(rounds).expect("few");
    were_woken(waited, rounds);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_died_is_followed_when_its_time_is_over() {
    let redis = ThrowawayRedis::start();
    let (here, there) = (locks(&redis).await, locks(&redis).await);
    let short = import(&here, Duration::from_millis(300));
    // Nobody renews it any more, and nobody gives it back.
    let _dead = take(&short).await.hand_over().expect("is held");
    let begun = Instant::now();
    let next = take(&import(&there, TTL)).await;
    assert!(begun.elapsed() < POLL_LEAST, "{:?}", begun.elapsed());
    assert_eq!(redis.ask(QUEUE), ":0", "who has it does not wait for it");
    next.release().await.expect("gives back");
}

#[tokio::test(flavor = "multi_thread")]
async fn l12_a_thousand_waiters_are_no_herd() {
    let redis = ThrowawayRedis::start();
    let mut processes = Vec::new();
    for _ in 0..4 {
        processes.push(locks(&redis).await);
    }
    let held = take(&import(&processes[0], TTL)).await;
    let waiters: Vec<_> = (0..1_000)
        .map(|at| waiter(&import(&processes[at % 4], TTL)))
        .collect();
    // Of the process that holds it, none asks.
    until_waiting(&redis, 3).await;
    assert_eq!(redis.ask("CONFIG RESETSTAT"), "+OK");
    let begun = Instant::now();
    held.release().await.expect("gives back");
    for waits in waiters {
        waits.await.expect("gets it");
    }
    let polls = 4 * (begun.elapsed().as_millis() / POLL_LEAST.as_millis() + 1);
    // Taken and given back; and the one who is woken may be too late for it.
    let asked = u128::from(scripts(&redis));
    assert!(
        asked <= 1_000 * 4 + polls,
        "{asked} requests for 1,000 turns"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_no_locks_any_more_listens_no_more() {
    let redis = ThrowawayRedis::start();
    let locks = locks(&redis).await;
    let channels = "PUBSUB CHANNELS dotmac:locks:*";
    until(|| redis.ask(channels) == "*1").await;
    drop(locks);
    until(|| redis.ask(channels) == "*0").await;
}
