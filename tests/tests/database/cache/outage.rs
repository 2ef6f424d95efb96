//! Redis that is away, hangs, is full or holds rubbish is never the error of a read.

use std::time::{Duration, Instant};

use dotmac_database::RedisConfig;
use dotmac_database::cache::{CacheClient, RedisOptions};

use dotmac_database::web::Readiness;

use super::server::{ThrowawayRedis, free_port, until};
use super::support::{Source, ask, orders, tenant};
use crate::support::Shop;

#[tokio::test(flavor = "multi_thread")]
async fn c01_a_redis_that_is_away_at_the_start_is_found_later() {
    let port = free_port();
    let config = RedisConfig::new(&format!("redis://127.0.0.1:{port}")).expect("valid");
    // It is no future: it cannot wait for Redis.
    let client = CacheClient::connect(&config).expect("is made");
    let cache = orders(&client);
    let source = Source::default();
    ask(&cache, &source).await;
    assert_eq!(source.loads(), 1);
    assert!(cache.set(tenant("acme"), 7, source.order()).await.is_err());
    let redis = ThrowawayRedis::start_at(port, &[]);
    until(|| client.is_coherent()).await;
    until_used(&redis, &client).await;
}

/// Waits until values are stored in Redis again.
async fn until_used(redis: &ThrowawayRedis, client: &CacheClient) {
    let (cache, source) = (orders(client), Source::default());
    let deadline = Instant::now() + Duration::from_secs(10);
    while redis.ask("DBSIZE") == ":0" {
        assert!(Instant::now() < deadline, "Redis is not used");
        cache.set(tenant("acme"), 7, source.order()).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c02_when_redis_dies_values_are_loaded_and_it_is_used_again_when_it_is_back() {
    let mut redis = ThrowawayRedis::start();
    let client = redis.client().await;
    let cache = orders(&client);
    let source = Source::default();
    redis.kill();
    until(|| !client.is_coherent()).await;
    for key in 0..50 {
        let loads = source.clone();
        let found = cache
            .get_or_load(tenant("acme"), key, move || loads.load())
            .await;
        assert!(found.expect("never an error").is_some());
    }
    assert_eq!(source.loads(), 50);
    assert!(
        cache.delete(tenant("acme"), 1).await.is_err(),
        "others may not have heard it"
    );
    redis.restart();
    until(|| client.is_coherent()).await;
    until_used(&redis, &client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c03_a_redis_that_hangs_delays_a_few_calls_by_the_timeout_and_then_none() {
    let mut redis = ThrowawayRedis::start();
    let mut options = RedisOptions::default();
    options.timeout = Duration::from_millis(100);
    options.breaker_failures = 2;
    options.breaker_pause = Duration::from_secs(600);
    let client = redis.client_with(options).await;
    let cache = orders(&client);
    let source = Source::default();
    redis.hang();
    let call = async |key: u32| {
        let loads = source.clone();
        let begun = Instant::now();
        let found = cache
            .get_or_load(tenant("acme"), key, move || loads.load())
            .await;
        assert!(found.expect("never an error").is_some());
        begun.elapsed()
    };
    for key in 0..2 {
        assert!(call(key).await >= Duration::from_millis(100));
    }
    assert!(client.is_held_back());
    let mut waits = Vec::new();
    for key in 2..100 {
        waits.push(call(key).await);
    }
    waits.sort();
    assert!(waits[49] < Duration::from_millis(20), "{:?}", waits[49]);
    redis.go_on();
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_tells_of_redis_and_does_not_depend_on_it() {
    let shop = Shop::open().await;
    let mut redis = ThrowawayRedis::start();
    let client = redis.client().await;
    let ready = async || {
        let health = shop.db.health().await;
        Readiness::of(&shop.db, health)
            .await
            .with_cache(&client)
            .await
    };
    let well = ready().await;
    assert_eq!((well.ready, well.redis), (true, Some(true)));
    redis.kill();
    let worse = ready().await;
    assert_eq!((worse.ready, worse.redis), (true, Some(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn c19_rubbish_in_redis_is_a_miss_that_is_counted_and_mended() {
    let redis = ThrowawayRedis::start();
    let client = redis.client().await;
    let cache = orders(&client);
    let source = Source::default();
    ask(&cache, &source).await;
    until(|| client.is_idle()).await;
    for rubbish in [
        "x",
        "V",
        "\"V\\x00\\x01\"",
        "\"V\\x00\\x00garbage\"",
        "\"V\\x00\\x00dm1\"",
    ] {
        let set = format!("SET dotmac:{{acme}}:v:orders:7 {rubbish}");
        assert_eq!(redis.ask(&set), "+OK");
        let fresh = redis.client().await;
        let there = orders(&fresh);
        let before = source.loads();
        ask(&there, &source).await;
        until(|| fresh.is_idle()).await;
        assert_eq!(source.loads(), before + 1, "{rubbish}");
        let again = orders(&redis.client().await);
        ask(&again, &source).await;
        assert_eq!(again.statistics().far_hits, 1, "{rubbish} is mended");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c21_a_full_redis_leaves_values_uncached_and_counted() {
    let redis = ThrowawayRedis::start();
    let client = redis.client().await;
    let cache = orders(&client);
    let source = Source::default();
    assert_eq!(redis.ask("CONFIG SET maxmemory 1"), "+OK");
    ask(&cache, &source).await;
    until(|| client.is_idle()).await;
    assert!(cache.statistics().faults > 0);
    assert!(!client.is_held_back(), "it answers");
    assert!(cache.set(tenant("acme"), 8, source.order()).await.is_err());
    assert_eq!(redis.ask("CONFIG SET maxmemory 0"), "+OK");
    cache
        .set(tenant("acme"), 8, source.order())
        .await
        .expect("sets");
}

#[tokio::test(flavor = "multi_thread")]
async fn c26_closing_waits_for_what_is_under_way_and_counts_the_rest() {
    let redis = ThrowawayRedis::start();
    let client = redis.client().await;
    let cache = orders(&client);
    let stuck = || std::future::pending::<Result<super::support::Order, dotmac_database::Error>>();
    let waits = tokio::spawn(async move { cache.get_or_load(tenant("acme"), 7, stuck).await });
    until(|| !client.is_idle()).await;
    assert!(redis.info("stats").contains("pubsub_channels:1"));
    let closed = client.close_within(Duration::from_millis(20)).await;
    assert_eq!(closed.dropped, 1);
    waits.abort();
    // The subscription is gone with the connections.
    until(|| redis.info("stats").contains("pubsub_channels:0")).await;
    let idle = redis.client().await;
    assert_eq!(idle.close_within(Duration::from_secs(5)).await.dropped, 0);
}
