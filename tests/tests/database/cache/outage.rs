//! Redis that is away, hangs, is full or holds rubbish is never the error of a read.

use std::time::{Duration, Instant};

use dotmac_database::cache::{CacheClient, CacheOptions, Codec, SmartCache};
use dotmac_database::{CacheError, Error, RedisConfig, RedisOptions};

use dotmac_database::web::Readiness;

use super::server::{ThrowawayRedis, free_port, until};
use super::support::{Source, TTL, ask, orders, tenant};
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

#[tokio::test(flavor = "multi_thread")]
async fn c21_a_redis_that_only_reads_or_is_loading_leaves_values_uncached_and_counted() {
    let redis = ThrowawayRedis::start_with(&[
        "--enable-debug-command",
        "yes",
        "--loading-process-events-interval-bytes",
        "1024",
    ]);
    let client = redis.client().await;
    let cache = orders(&client);
    let source = Source::default();
    let refuses = async |key: u32| {
        let (loads, faults) = (source.loads(), cache.statistics().faults);
        let asked = source.clone();
        let found = cache
            .get_or_load(tenant("acme"), key, move || asked.load())
            .await;
        assert!(found.expect("never an error").is_some());
        until(|| client.is_idle()).await;
        assert_eq!(source.loads(), loads + 1);
        assert!(cache.statistics().faults > faults);
        assert!(!client.is_held_back(), "it answers");
        cache
            .set(tenant("acme"), key, source.order())
            .await
            .expect_err("refused")
    };
    assert_eq!(redis.ask("REPLICAOF 127.0.0.1 1"), "+OK");
    let error = refuses(1).await;
    assert!(format!("{error:?}").contains("READONLY"), "{error:?}");
    assert_eq!(redis.ask("REPLICAOF NO ONE"), "+OK");
    until_taken(&client).await;

    // It loads slowly, and tells so meanwhile.
    assert_eq!(redis.ask("DEBUG POPULATE 20000"), "+OK");
    assert_eq!(redis.ask("CONFIG SET key-load-delay 200"), "+OK");
    std::thread::scope(|scope| {
        let reloads = scope.spawn(|| redis.ask("DEBUG RELOAD"));
        let deadline = Instant::now() + Duration::from_secs(10);
        while !redis.ask("GET x").starts_with("-LOADING") {
            assert!(Instant::now() < deadline, "it does not load");
        }
        let error =
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(refuses(2)));
        assert!(format!("{error:?}").contains("LOADING"), "{error:?}");
        assert_eq!(redis.ask("CONFIG SET key-load-delay 0"), "+OK");
        assert_eq!(reloads.join().expect("ends"), "+OK");
    });
    until_taken(&client).await;
}

/// Waits until a value can be stored again.
async fn until_taken(client: &CacheClient) {
    let (cache, source) = (orders(client), Source::default());
    let deadline = Instant::now() + Duration::from_secs(20);
    while cache.set(tenant("acme"), 9, source.order()).await.is_err() {
        assert!(Instant::now() < deadline, "it takes nothing");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c21_a_value_that_is_too_large_goes_to_the_caller_and_nowhere_else() {
    let redis = ThrowawayRedis::start();
    let client = redis.client().await;
    let options = CacheOptions::new(TTL).max_bytes(1_000);
    let cache = SmartCache::<String>::new("texts", &client, options).expect("valid");
    let acme = tenant("acme");
    let large = || async { Ok::<_, Error>("x".repeat(2_000)) };
    for count in 1..3 {
        let found = cache.get_or_load(&acme, 7, large).await.expect("loads");
        assert_eq!(found.expect("is there").len(), 2_000);
        until(|| client.is_idle()).await;
        assert_eq!(cache.statistics().unfit, count);
        assert_eq!(cache.statistics().loads, count, "it is not kept");
    }
    let error = cache
        .set(&acme, 7, "x".repeat(2_000))
        .await
        .expect_err("unfit");
    assert!(
        matches!(error, Error::Cache(CacheError::Unfit { .. })),
        "{error}"
    );
}

mod before {
    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    pub struct Account {
        pub name: String,
    }
}

mod after {
    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    pub struct Account {
        pub name: String,
        #[serde(default)]
        pub credit: i64,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c20_a_struct_that_gains_a_field_is_read_by_neither_as_the_other() {
    let redis = ThrowawayRedis::start();
    let (old, new) = (redis.client().await, redis.client().await);
    let acme = tenant("acme");
    for codec in [Codec::MessagePack, Codec::Json, Codec::Postcard] {
        let options = CacheOptions::new(TTL).codec(codec);
        let name = format!("accounts-{codec:?}");
        let olds = SmartCache::<before::Account>::new(&name, &old, options.clone());
        let news = SmartCache::<after::Account>::new(&name, &new, options);
        let (olds, news) = (olds.expect("valid"), news.expect("valid"));
        for round in 1..4 {
            let load = || async {
                Ok::<_, Error>(before::Account {
                    name: "a".to_owned(),
                })
            };
            let read = olds.get_or_load(&acme, 7, load).await.expect("loads");
            assert_eq!(read.expect("is there").name, "a", "{codec:?} {round}");
            until(|| old.is_idle()).await;
            let load = || async {
                Ok::<_, Error>(after::Account {
                    name: "b".to_owned(),
                    credit: 5,
                })
            };
            let read = news.get_or_load(&acme, 7, load).await.expect("loads");
            let read = read.expect("is there");
            assert_eq!(
                (read.name.as_str(), read.credit),
                ("b", 5),
                "{codec:?} {round}"
            );
            until(|| new.is_idle()).await;
        }
        assert!(news.statistics().unreadable > 0, "{codec:?}");
    }
}

// The connection lives, so that no reconnection tells to try again.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_subscription_is_asked_for_again() {
    let redis = ThrowawayRedis::start();
    assert_eq!(redis.ask("ACL SETUSER default -subscribe"), "+OK");
    let client = CacheClient::connect(&redis.config()).expect("connects");
    let was_refused = || redis.lines("ACL LOG").contains(&"subscribe".to_owned());
    for _ in 0..2 {
        until(|| {
            assert!(!client.is_coherent());
            was_refused()
        })
        .await;
        redis.ask("ACL LOG RESET");
    }
    assert_eq!(redis.ask("ACL SETUSER default +subscribe"), "+OK");
    until(|| client.is_coherent()).await;
}
