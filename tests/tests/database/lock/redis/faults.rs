//! Faults of the way to Redis, and a Redis that is away or hangs.

use std::pin::pin;
use std::time::{Duration, Instant};

use dotmac_database::lock::{Lock, LockGuard, Locks, Released};
use dotmac_database::{Error, LockError, RedisConfig};
use futures_util::poll;

use super::support::{
    WAIT, acme, import, locks, locks_at, scripts, take, try_to_take, until_answered,
};
use crate::cache::server::{ThrowawayRedis, free_port, until};
use crate::fault_proxy::{Fault, FaultProxy};

const TTL: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_millis(300);
const EXISTS: &str = "EXISTS dotmac:{acme}:lock:import";

/// The locks of a process behind a proxy.
async fn behind(proxy: &FaultProxy, timeout: Duration) -> Locks {
    locks_at(&at(proxy.port()), timeout).await
}

fn at(port: u16) -> RedisConfig {
    RedisConfig::new(&format!("redis://127.0.0.1:{port}")).expect("valid")
}

fn is_unavailable<T>(asked: &Result<T, Error>) -> bool {
    matches!(asked, Err(Error::Lock(LockError::Unavailable { .. })))
}

async fn ask(lock: &Lock) -> Result<Option<LockGuard>, Error> {
    let lock = lock.clone();
    let asked = tokio::spawn(async move { lock.try_acquire(&acme()).await });
    asked.await.expect("ends")
}

#[tokio::test(flavor = "multi_thread")]
async fn l02_an_acquisition_whose_answer_is_lost_holds_it_under_the_same_fence() {
    let redis = ThrowawayRedis::start();
    let proxy = FaultProxy::start(redis.port());
    let lock = import(&behind(&proxy, Duration::from_secs(5)).await, TTL);
    for (at, fault) in [Fault::ReplyLost, Fault::RequestLost]
        .into_iter()
        .enumerate()
    {
        proxy.next("lock:import", fault);
        let guard = take(&lock).await;
        assert_eq!(proxy.happened(), at + 1);
        assert!(guard.is_valid());
        let fence = guard.fence().to_string();
        let last = redis.ask_for("ZSCORE dotmac:{acme}:locks \"\"");
        assert_eq!(last, format!("-{fence}"), "it was taken once");
        let held = redis.ask_for("GET dotmac:{acme}:lock:import");
        assert_eq!(held.split(' ').nth(1), Some(&*fence));
        assert_eq!(guard.release().await.expect("gives back"), Released::Now);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l02_a_release_whose_answer_is_lost_frees_it_and_does_not_guess() {
    let redis = ThrowawayRedis::start();
    let proxy = FaultProxy::start(redis.port());
    let lock = import(&behind(&proxy, Duration::from_secs(5)).await, TTL);
    let guard = take(&lock).await;
    proxy.next("lock:import", Fault::ReplyLost);
    assert!(is_unavailable(&guard.release().await));
    assert_eq!(redis.ask(EXISTS), ":0");
    let guard = take(&lock).await;
    proxy.next("lock:import", Fault::RequestLost);
    let released = guard.release().await;
    assert!(matches!(released, Ok(Released::Now)) || is_unavailable(&released));
    assert_eq!(redis.ask(EXISTS), ":0");
}

#[tokio::test(flavor = "multi_thread")]
async fn l03_an_acquisition_dropped_after_any_poll_leaves_it_free_within_a_second() {
    let redis = ThrowawayRedis::start();
    let lock = import(&locks(&redis).await, TTL);
    let rounds = match std::env::var_os("DOTMAC_SOAK") {
        Some(_) => 1_000,
        None => 10,
    };
    for polls in (1..8).flat_map(|polls| std::iter::repeat_n(polls, rounds)) {
        {
            let (context, mut left) = (acme(), polls);
            let mut asks = pin!(lock.acquire(&context, WAIT));
            while left > 0 && poll!(&mut asks).is_pending() {
                tokio::task::yield_now().await;
                left -= 1;
            }
        }
        let dropped = Instant::now();
        take(&lock).await.release().await.expect("gives back");
        assert!(dropped.elapsed() < Duration::from_secs(1), "{polls} polls");
    }
    until_answered(&redis, EXISTS, ":0", Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l04_a_request_that_comes_when_its_caller_has_gone_takes_nothing() {
    let redis = ThrowawayRedis::start();
    let proxy = FaultProxy::start(redis.port());
    let config = at(proxy.port());
    // A process that dies while its request is on the way: nothing is left that could take it back.
    let process = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let locks = runtime.block_on(locks_at(&config, TIMEOUT));
        (runtime, locks)
    });
    let (runtime, locks) = process.join().expect("starts");
    assert_eq!(redis.ask("CONFIG RESETSTAT"), "+OK");
    proxy.freeze();
    let lock = import(&locks, TTL);
    let asked = runtime.spawn(async move { lock.try_acquire(&acme()).await });
    assert!(is_unavailable(&asked.await.expect("ends")));
    runtime.shutdown_background();
    drop(locks);
    proxy.thaw();
    let deadline = Instant::now() + WAIT;
    while scripts(&redis) == 0 {
        assert!(Instant::now() < deadline, "the request does not come");
        tokio::task::yield_now().await;
    }
    assert_eq!(redis.ask(EXISTS), ":0");
    until(|| proxy.connections() == 0).await;
    assert_eq!(redis.ask(EXISTS), ":0");
}

#[tokio::test(flavor = "multi_thread")]
async fn l04_what_was_taken_for_a_caller_that_gave_up_is_taken_back() {
    let redis = ThrowawayRedis::start();
    let proxy = FaultProxy::start(redis.port());
    let locks = behind(&proxy, TIMEOUT).await;
    let lock = import(&locks, TTL);
    // The server does it, and nobody hears of it, however often he asks.
    for _ in 0..3 {
        proxy.next("taken", Fault::MessageLate);
    }
    let asked = tokio::spawn(async move { ask(&lock).await });
    until_answered(&redis, EXISTS, ":1", WAIT).await;
    assert!(is_unavailable(&asked.await.expect("ends")));
    assert!(proxy.happened() > 0);
    until_answered(&redis, EXISTS, ":0", Duration::from_secs(10)).await;
    proxy.release();
}

#[tokio::test(flavor = "multi_thread")]
async fn l08_a_renewal_that_fails_is_tried_again_for_as_long_as_the_lease_lasts() {
    let redis = ThrowawayRedis::start();
    let proxy = FaultProxy::start(redis.port());
    let ttl = Duration::from_secs(3);
    let guard = take(&import(&behind(&proxy, TIMEOUT).await, ttl)).await;
    // Away from before the first renewal on, and back before the end.
    proxy.stop();
    let away = tokio::time::timeout(ttl / 2, guard.lost()).await;
    assert!(away.is_err(), "it is not lost yet");
    proxy.go_on();
    let held = tokio::time::timeout(2 * ttl, guard.lost()).await;
    assert!(held.is_err(), "it was renewed");
    assert!(guard.is_valid());
    proxy.stop();
    let begun = Instant::now();
    guard.lost().await;
    assert!(begun.elapsed() <= ttl, "{:?}", begun.elapsed());
    assert!(!guard.is_valid());
    assert_eq!(guard.release().await.expect("is told"), Released::WasLost);
}

#[tokio::test(flavor = "multi_thread")]
async fn l15_a_redis_that_is_away_is_an_error_at_once_and_the_lock_is_not_held() {
    let config = at(free_port());
    let locks = Locks::connect(&config).expect("is made");
    let lock = import(&locks, TTL);
    for _ in 0..3 {
        let begun = Instant::now();
        let context = acme();
        let asked = lock.acquire(&context, WAIT).await;
        assert!(is_unavailable(&asked), "{asked:?}");
        assert!(
            begun.elapsed() < Duration::from_secs(2),
            "{:?}",
            begun.elapsed()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l15_a_redis_that_hangs_delays_a_caller_by_three_timeouts_at_most_and_holds_nothing_later()
{
    let mut redis = ThrowawayRedis::start();
    let locks = locks_at(&redis.config(), TIMEOUT).await;
    let lock = import(&locks, TTL);
    redis.hang();
    let begun = Instant::now();
    let asked = ask(&lock).await;
    assert!(is_unavailable(&asked), "{asked:?}");
    assert!(begun.elapsed() < 4 * TIMEOUT, "{:?}", begun.elapsed());
    redis.go_on();
    until_answered(&redis, EXISTS, ":0", WAIT).await;
    assert!(try_to_take(&lock).await.is_some(), "it goes on");
}
