//! Limits of rates, counted in Redis by all processes.

use std::time::{Duration, Instant};

use dotmac_database::lock::{Locks, Rate, RateLimit, RateLimits, Verdict};
use dotmac_database::{Error, Global, LockError, RequestContext};

use crate::cache::server::ThrowawayRedis;

const LONG: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
/// The place of acme's limit `api`.
const KEY: &str = "dotmac:{acme}:rate:api";

fn acme() -> RequestContext {
    RequestContext::tenant("acme").unwrap()
}

/// The limits of a process, once it is connected.
async fn process(redis: &ThrowawayRedis) -> RateLimits {
    let limits = Locks::connect(&redis.config()).unwrap();
    let limits = limits.rate_limits().unwrap();
    let probe = limits.global("probe", Rate::per_second(10_000).unwrap());
    let (probe, begun) = (probe.unwrap(), Instant::now());
    while probe.check_cost(Global, 0).await.is_err() {
        assert!(begun.elapsed() < LONG);
        tokio::task::yield_now().await;
    }
    limits
}

fn api(limits: &RateLimits, rate: Rate) -> RateLimit {
    limits.limit("api", rate).unwrap()
}

/// Asks until Redis, on a busy machine, answers in time; one that did may have been counted.
async fn check(limit: &RateLimit) -> Verdict {
    let begun = Instant::now();
    loop {
        match limit.check(acme()).await {
            Ok(verdict) => return verdict,
            Err(_) => assert!(begun.elapsed() < LONG),
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rate_is_exact_over_processes_that_ask_at_once() {
    let redis = ThrowawayRedis::start();
    let rate = Rate::new(40, HOUR).unwrap();
    let mut asks = Vec::new();
    for _ in 0..4 {
        let limit = api(&process(&redis).await, rate);
        for _ in 0..50 {
            let limit = limit.clone();
            asks.push(tokio::spawn(async move { limit.check(acme()).await }));
        }
    }
    let mut allowed = Vec::new();
    for ask in asks {
        match ask.await.unwrap().unwrap() {
            Verdict::Allowed { remaining } => allowed.push(remaining),
            Verdict::Denied { retry_after } => assert!(retry_after <= rate.interval()),
        }
    }
    allowed.sort_unstable();
    assert_eq!(allowed, (0..40).collect::<Vec<_>>(), "each number once");
    let left: i64 = redis.ask(&format!("PTTL {KEY}"))[1..].parse().unwrap();
    assert!((3_590_000..=3_600_000).contains(&left), "{left}");
}

#[tokio::test]
async fn tenants_have_rates_of_their_own_in_redis() {
    let redis = ThrowawayRedis::start();
    let limits = process(&redis).await;
    let once = Rate::new(1, HOUR).unwrap();
    let (limit, shared) = (api(&limits, once), limits.global("api", once).unwrap());
    let beta = RequestContext::tenant("beta").unwrap();
    for first in [
        limit.check(acme()).await,
        limit.check(beta).await,
        shared.check(Global).await,
    ] {
        assert_eq!(first.unwrap(), Verdict::Allowed { remaining: 0 });
    }
    assert!(!check(&limit).await.is_allowed());
    assert!(!shared.check(Global).await.unwrap().is_allowed());
}

#[tokio::test]
async fn call_of_a_cost_counts_as_so_many() {
    let redis = ThrowawayRedis::start();
    let limit = api(&process(&redis).await, Rate::new(10, HOUR).unwrap());
    for (cost, expected) in [
        (4, Some(Verdict::Allowed { remaining: 6 })),
        (7, None),
        (6, Some(Verdict::Allowed { remaining: 0 })),
        (1, None),
        (0, Some(Verdict::Allowed { remaining: 0 })),
    ] {
        let verdict = limit.check_cost(acme(), cost).await.unwrap();
        match expected {
            Some(expected) => assert_eq!(verdict, expected, "{cost}"),
            None => assert!(!verdict.is_allowed(), "{cost}"),
        }
    }
}

#[tokio::test]
async fn call_passes_when_it_was_told_that_it_would() {
    let redis = ThrowawayRedis::start();
    let rate = Rate::new(1, Duration::from_millis(400)).unwrap();
    let limit = api(&process(&redis).await, rate);
    assert!(check(&limit).await.is_allowed());
    let asked = Instant::now();
    let Verdict::Denied { retry_after } = check(&limit).await else {
        // The machine was too slow for this rate: it has come back.
        return assert!(asked.elapsed() >= Duration::from_millis(1));
    };
    assert!(retry_after <= rate.interval());
    let mut denied = 1;
    while !check(&limit).await.is_allowed() {
        denied += 1;
        assert!(asked.elapsed() < LONG);
    }
    assert!(retry_after <= asked.elapsed(), "{denied}");
}

#[tokio::test]
async fn clock_that_went_back_denies_for_no_longer_than_the_burst() {
    let redis = ThrowawayRedis::start();
    let rate = Rate::new(10, HOUR).unwrap();
    let limit = api(&process(&redis).await, rate);
    // As another master wrote it, whose clock is ahead by centuries.
    redis.ask(&format!("SET {KEY} 8000000000000000"));
    let denied = Verdict::Denied {
        retry_after: rate.interval(),
    };
    assert_eq!(check(&limit).await, denied);
    redis.ask(&format!("SET {KEY} 1"));
    assert_eq!(check(&limit).await, Verdict::Allowed { remaining: 9 });
}

#[tokio::test]
async fn redis_that_is_away_is_told_and_counts_again_when_it_is_back() {
    let mut redis = ThrowawayRedis::start();
    let limit = api(&process(&redis).await, Rate::new(1, HOUR).unwrap());
    assert!(check(&limit).await.is_allowed());
    redis.kill();
    let asked = Instant::now();
    let unknown = limit.check(acme()).await;
    let Err(Error::Lock(LockError::RateUnknown { name, .. })) = unknown else {
        panic!("{unknown:?}");
    };
    assert_eq!(name, "acme/api");
    assert!(asked.elapsed() < Duration::from_secs(5));
    redis.restart();
    assert!(check(&limit).await.is_allowed(), "it has forgotten");
    assert!(!check(&limit).await.is_allowed());
}
