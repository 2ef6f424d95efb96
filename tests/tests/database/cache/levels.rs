//! Values are found in the process, in Redis, or loaded; tenants are apart.

use std::sync::Arc;
use std::time::Duration;

use dotmac_database::Global;
use dotmac_database::cache::{CacheClient, CacheMode, CacheOptions, Loaded, SmartCache};
use dotmac_database::{Error, ErrorKind, RequestContext};

use super::server::{ThrowawayRedis, until};
use super::support::{Order, Source, TTL, ask, orders, tenant};

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_loaded_once_and_found_in_both_levels() {
    let redis = ThrowawayRedis::start();
    let (one, two) = (redis.client().await, redis.client().await);
    let source = Source::default();
    let cache = orders(&one);
    let first = ask(&cache, &source).await;
    let second = ask(&cache, &source).await;
    assert!(
        Arc::ptr_eq(&first, &second),
        "the process keeps one value for all"
    );
    until(|| one.is_idle()).await;
    let elsewhere = orders(&two);
    assert_eq!(*ask(&elsewhere, &source).await, *first);
    assert_eq!(source.loads(), 1);
    assert_eq!(cache.statistics().near_hits, 1);
    assert_eq!(cache.statistics().misses, 1);
    assert_eq!(elsewhere.statistics().far_hits, 1);
    assert_eq!(redis.ask("DBSIZE"), ":4", "value, epoch, two tokens");
}

#[tokio::test(flavor = "multi_thread")]
async fn c15_one_key_of_two_tenants_is_two() {
    let redis = ThrowawayRedis::start();
    let client = redis.client().await;
    for client in [client, CacheClient::in_process()] {
        let cache = orders(&client);
        let source = Source::default();
        ask(&cache, &source).await;
        for other in ["beta", "Acme", "acme.", "acme-7", "a"] {
            assert_eq!(
                cache.get(tenant(other), 7).await.expect("looks"),
                None,
                "{other}"
            );
        }
        assert!(cache.get(tenant("acme"), 7).await.expect("looks").is_some());
        let other = SmartCache::<Order>::new("orders7", &client, CacheOptions::new(TTL));
        assert_eq!(
            other
                .expect("valid")
                .get(tenant("acme"), 7)
                .await
                .expect("looks"),
            None
        );
    }
}

#[tokio::test]
async fn c16_without_a_tenant_nothing_is_read_or_written() {
    let client = CacheClient::in_process();
    let cache = orders(&client);
    let nobody = RequestContext::without_tenant();
    let source = Source::default();
    let asked = source.clone();
    let refused = cache.get_or_load(&nobody, 7, move || asked.load()).await;
    assert_eq!(
        refused.expect_err("refused").kind(),
        ErrorKind::MissingTenant
    );
    assert!(cache.set(&nobody, 7, source.order()).await.is_err());
    assert!(cache.delete(&nobody, 7).await.is_err());
    assert!(cache.invalidate_namespace(&nobody).await.is_err());
    assert_eq!(source.loads(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_global_cache_is_nobodys() {
    let redis = ThrowawayRedis::start();
    let client = redis.client().await;
    let rates = SmartCache::<f64, Global>::global("rates", &client, CacheOptions::new(TTL));
    let rates = rates.expect("valid");
    rates.set(Global, "EUR", 1.1).await.expect("sets");
    let there = redis.client().await;
    let rates = SmartCache::<f64, Global>::global("rates", &there, CacheOptions::new(TTL));
    let found = rates
        .expect("valid")
        .get(Global, "EUR")
        .await
        .expect("looks");
    assert_eq!(found.as_deref(), Some(&1.1));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_not_a_miss_and_has_its_own_time() {
    let redis = ThrowawayRedis::start();
    let (one, two) = (redis.client().await, redis.client().await);
    let options = CacheOptions::new(TTL)
        .jitter(0.0)
        .nothing_ttl(Duration::from_secs(5));
    let cache = SmartCache::<Order>::new("orders", &one, options.clone()).expect("valid");
    let acme = tenant("acme");
    assert_eq!(cache.find(&acme, 7).await.expect("looks"), None);
    let nothing = || async { Ok::<_, Error>(None) };
    let loaded = cache.get_or_load(&acme, 7, nothing).await.expect("loads");
    assert_eq!(loaded, None);
    assert_eq!(cache.find(&acme, 7).await.expect("looks"), Some(None));
    until(|| one.is_idle()).await;
    let elsewhere = SmartCache::<Order>::new("orders", &two, options).expect("valid");
    assert_eq!(elsewhere.find(&acme, 7).await.expect("looks"), Some(None));
    let left = elsewhere
        .ttl(&acme, 7)
        .await
        .expect("looks")
        .expect("is there");
    assert!(
        left <= Duration::from_secs(5) && left > Duration::from_secs(3),
        "{left:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_loader_says_for_how_long_and_whether() {
    let redis = ThrowawayRedis::start();
    let client = redis.client().await;
    let cache = SmartCache::<u32>::new("numbers", &client, CacheOptions::new(TTL).jitter(0.0));
    let (cache, acme) = (cache.expect("valid"), tenant("acme"));
    let short = || async { Ok::<_, Error>(Loaded::value(1).ttl(Duration::from_secs(9))) };
    cache
        .get_or_load(&acme, "short", short)
        .await
        .expect("loads");
    until(|| client.is_idle()).await;
    let left = cache
        .ttl(&acme, "short")
        .await
        .expect("looks")
        .expect("is there");
    assert!(
        left <= Duration::from_secs(9) && left > Duration::from_secs(7),
        "{left:?}"
    );
    let long = || async { Ok::<_, Error>(Loaded::value(3).ttl(TTL * 100)) };
    cache.get_or_load(&acme, "long", long).await.expect("loads");
    until(|| client.is_idle()).await;
    // What it lives by lives as long.
    for scope in ["*", "n:numbers"] {
        let left = redis.ask(&format!("PTTL dotmac:{{acme}}:t:{scope}"));
        let left: u64 = left.trim_start_matches(':').parse().expect("a number");
        assert!(left > 90 * 60_000, "{scope}: {left}");
    }
    let never = || async { Ok::<_, Error>(Loaded::value(2).not_kept()) };
    cache
        .get_or_load(&acme, "never", never)
        .await
        .expect("loads");
    assert_eq!(cache.find(&acme, "never").await.expect("looks"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn single_keys_are_set_renewed_and_removed() {
    let redis = ThrowawayRedis::start();
    let (one, two) = (redis.client().await, redis.client().await);
    for (cache, other) in [(orders(&one), orders(&two)), {
        let alone = orders(&CacheClient::in_process());
        (alone.clone(), alone)
    }] {
        let acme = tenant("acme");
        let order = Source::default().order();
        assert!(
            !cache
                .set_if_present(&acme, 7, order.clone())
                .await
                .expect("asks")
        );
        assert!(
            cache
                .set_if_absent(&acme, 7, order.clone())
                .await
                .expect("sets")
        );
        assert!(
            !other
                .set_if_absent(&acme, 7, order.clone())
                .await
                .expect("asks")
        );
        assert!(
            other
                .set_if_present(&acme, 7, order.clone())
                .await
                .expect("sets")
        );
        assert!(other.exists(&acme, 7).await.expect("looks"));
        let longer = Duration::from_secs(600);
        assert!(other.expire(&acme, 7, longer).await.expect("expires"));
        let left = cache.ttl(&acme, 7).await.expect("looks").expect("is there");
        assert!(left > TTL, "{left:?}");
        assert!(cache.touch(&acme, 7).await.expect("touches"));
        assert!(cache.delete(&acme, 7).await.expect("removes"));
        assert!(!cache.delete(&acme, 7).await.expect("asks"));
        assert!(!other.touch(&acme, 7).await.expect("asks"));
        assert_eq!(other.ttl(&acme, 7).await.expect("looks"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn switched_off_nothing_is_read_or_filled_and_invalidations_still_count() {
    let redis = ThrowawayRedis::start();
    let client = redis.client().await;
    let cache = orders(&client);
    let source = Source::default();
    ask(&cache, &source).await;
    for mode in [CacheMode::Bypass, CacheMode::Off] {
        client.set_mode(mode);
        source.change();
        assert_eq!(*ask(&cache, &source).await, source.order(), "{mode:?}");
        cache.delete(tenant("acme"), 7).await.expect("removes");
        client.set_mode(CacheMode::On);
        assert_eq!(cache.find(tenant("acme"), 7).await.expect("looks"), None);
        ask(&cache, &source).await;
    }
    client.set_mode(CacheMode::NearOnly);
    cache.delete(tenant("acme"), 7).await.expect("removes");
    until(|| client.is_idle()).await;
    let before = source.loads();
    ask(&cache, &source).await;
    ask(&cache, &source).await;
    assert_eq!(source.loads(), before + 1);
    let elsewhere = orders(&redis.client().await);
    assert_eq!(
        elsewhere.find(tenant("acme"), 7).await.expect("looks"),
        None
    );
}

#[tokio::test]
async fn c24_times_that_cannot_be_kept_are_refused() {
    let client = CacheClient::in_process();
    let make = |options| SmartCache::<u32>::new("numbers", &client, options);
    for ttl in [Duration::ZERO, Duration::from_micros(999), Duration::MAX] {
        let refused = make(CacheOptions::new(ttl)).expect_err("refused");
        assert_eq!(refused.kind(), ErrorKind::Config, "{ttl:?}");
    }
    assert!(make(CacheOptions::new(Duration::from_millis(1))).is_ok());
    let cache = make(CacheOptions::new(TTL)).expect("valid");
    assert!(
        cache
            .expire(tenant("acme"), 1, Duration::ZERO)
            .await
            .is_err()
    );
}

// There is nobody else whose invalidations could go unseen.
#[tokio::test(flavor = "multi_thread")]
async fn c24_without_redis_a_value_lives_for_its_time_to_live() {
    let client = CacheClient::in_process();
    let options = CacheOptions::new(Duration::from_secs(300)).near_ttl(Duration::from_millis(1));
    let cache = SmartCache::<u32>::new("numbers", &client, options).expect("valid");
    let acme = tenant("acme");
    let left = async || {
        cache
            .ttl(&acme, 7_u32)
            .await
            .expect("looks")
            .map(|it| it.as_secs())
    };
    cache.set(&acme, 7_u32, 1).await.expect("sets");
    assert_eq!(left().await, Some(299));
    let long = Duration::from_secs(86_400);
    let lookup = cache.lookup(&acme, 7_u32).expect("a tenant");
    lookup.set_for(1, long).await.expect("sets");
    assert_eq!(left().await, Some(86_399));
    assert!(
        cache
            .expire(&acme, 7_u32, Duration::from_secs(600))
            .await
            .expect("expires")
    );
    assert_eq!(left().await, Some(599));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_who_set_what_is_absent_one_has_done_it() {
    let redis = ThrowawayRedis::start();
    for client in [CacheClient::in_process(), redis.client().await] {
        let cache = SmartCache::<u32>::new("numbers", &client, CacheOptions::new(TTL));
        let cache = cache.expect("valid");
        for key in 0..100_u32 {
            let sets = (0..8).map(|value| {
                let cache = cache.clone();
                let set = async move { cache.set_if_absent(tenant("acme"), key, value).await };
                tokio::spawn(set)
            });
            let mut done = 0;
            for set in sets.collect::<Vec<_>>() {
                done += u32::from(set.await.expect("ends").expect("sets"));
            }
            assert_eq!(done, 1, "{key}");
        }
    }
}
