//! One load for all who ask, whatever becomes of it or of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dotmac_database::cache::{CacheClient, CacheOptions, Loaded, SmartCache};
use dotmac_database::{CacheError, Error};
use futures_util::future::join_all;
use tokio::sync::{Barrier, Notify};

use super::server::{ThrowawayRedis, until};
use super::support::{Order, Source, TTL, orders, tenant};

#[tokio::test(flavor = "multi_thread")]
async fn c10_a_stampede_is_one_load_and_one_value() {
    let redis = ThrowawayRedis::start();
    for client in [redis.client().await, CacheClient::in_process()] {
        let cache = orders(&client);
        let mut loads = 0;
        for (round, callers) in [10, 100, 1_000, 10_000].into_iter().enumerate() {
            let source = Source::default();
            let together = Arc::new(Notify::new());
            let calls = (0..callers).map(|_| {
                let (cache, source) = (cache.clone(), source.clone());
                let together = Arc::clone(&together);
                tokio::spawn(async move {
                    let load = move || async move {
                        together.notified().await;
                        source.load().await
                    };
                    cache.get_or_load(tenant("acme"), round, load).await
                })
            });
            let calls: Vec<_> = calls.collect();
            // All but one have joined.
            loads += callers;
            let cache_now = || cache.statistics().coalesced + round as u64 + 1;
            until(|| cache_now() == loads).await;
            together.notify_one();
            let values = join_all(calls).await.into_iter();
            let values: Vec<Arc<Order>> = values
                .map(|it| it.expect("ends").expect("loads").expect("is there"))
                .collect();
            assert_eq!(source.loads(), 1, "{callers} callers");
            assert!(values.iter().all(|value| Arc::ptr_eq(value, &values[0])));
        }
        let statistics = cache.statistics();
        assert_eq!(statistics.hits() + statistics.misses, loads, "c23");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c12_who_goes_away_takes_no_load_along() {
    let client = CacheClient::in_process();
    let cache = orders(&client);
    let source = Source::default();
    let (begun, go_on) = (Arc::new(Barrier::new(2)), Arc::new(Notify::new()));
    let (slow, meets, waits) = (source.clone(), Arc::clone(&begun), Arc::clone(&go_on));
    let first = cache.clone();
    let leader = tokio::spawn(async move {
        let load = move || async move {
            meets.wait().await;
            waits.notified().await;
            slow.load().await
        };
        first.get_or_load(tenant("acme"), 7, load).await
    });
    begun.wait().await;
    let (other, never) = (cache.clone(), source.clone());
    let follower = tokio::spawn(async move {
        other
            .get_or_load(tenant("acme"), 7, move || never.load())
            .await
    });
    until(|| cache.statistics().coalesced == 1).await;
    leader.abort();
    go_on.notify_one();
    let found = follower.await.expect("ends").expect("loads");
    assert_eq!(found.as_deref(), Some(&source.order()));
    assert_eq!(source.loads(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn c12_errors_and_panics_reach_all_and_are_not_kept() {
    let client = CacheClient::in_process();
    let cache = orders(&client);
    let acme = tenant("acme");
    let fails = || async { Err::<Order, _>(std::io::Error::other("the source is away")) };
    let error = cache.get_or_load(&acme, 7, fails).await.expect_err("fails");
    assert!(
        matches!(error, Error::Cache(CacheError::Load(_))),
        "{error}"
    );
    let own = || async { Err::<Order, _>(Error::Ended) };
    let error = cache.get_or_load(&acme, 7, own).await.expect_err("fails");
    assert!(matches!(error, Error::Ended), "{error}");
    let database = || async { Err::<Order, _>(sea_orm::DbErr::RecordNotFound("x".to_owned())) };
    let error = cache
        .get_or_load(&acme, 7, database)
        .await
        .expect_err("fails");
    assert_eq!(error.kind(), dotmac_database::ErrorKind::NotFound);
    let panics = || async { panic!("a bug of the loader") as Result<Order, Error> };
    let error = cache
        .get_or_load(&acme, 7, panics)
        .await
        .expect_err("fails");
    assert!(
        matches!(error, Error::Cache(CacheError::Panicked { .. })),
        "{error}"
    );
    let source = Source::default();
    let loads = source.clone();
    let found = cache.get_or_load(&acme, 7, move || loads.load()).await;
    assert!(found.expect("loads").is_some());
    assert_eq!(cache.statistics().failed_loads, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn c12_a_load_that_never_ends_is_given_up() {
    let client = CacheClient::in_process();
    let options = CacheOptions::new(TTL).hard_timeout(Duration::from_millis(20));
    let cache = SmartCache::<Order>::new("orders", &client, options).expect("valid");
    let never = || std::future::pending::<Result<Order, Error>>();
    let error = cache.get_or_load(tenant("acme"), 7, never).await;
    let error = error.expect_err("gives up");
    assert!(
        matches!(error, Error::Cache(CacheError::TimedOut { .. })),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn c13_a_loader_that_asks_for_its_own_key_is_told() {
    let client = CacheClient::in_process();
    let cache = orders(&client);
    let inner = cache.clone();
    let around = move || async move {
        let outer = inner.clone();
        let innermost = move || async move {
            let never = || async { Ok::<_, Error>(Source::default().order()) };
            outer
                .get_or_load(tenant("acme"), 7, never)
                .await
                .map(|it| it.map(Arc::unwrap_or_clone))
        };
        let found = inner.get_or_load(tenant("acme"), 8, innermost).await?;
        Ok::<_, Error>(found.map(Arc::unwrap_or_clone))
    };
    let error = cache
        .get_or_load(tenant("acme"), 7, around)
        .await
        .expect_err("told");
    assert!(
        matches!(error, Error::Cache(CacheError::LoadsItself { .. })),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn c11_one_process_loads_for_all_of_them() {
    let redis = ThrowawayRedis::start();
    let options = CacheOptions::new(TTL).cluster_wide();
    let source = Source::default();
    let go_on = Arc::new(Notify::new());
    let mut calls = Vec::new();
    let mut clients = Vec::new();
    for _ in 0..4 {
        let client = redis.client().await;
        let cache = SmartCache::<Order>::new("orders", &client, options.clone());
        let cache = cache.expect("valid");
        clients.push(client);
        let (source, waits) = (source.clone(), Arc::clone(&go_on));
        calls.push(tokio::spawn(async move {
            let load = move || async move {
                let loaded = source.load().await;
                waits.notified().await;
                loaded
            };
            cache.get_or_load(tenant("acme"), 7, load).await
        }));
    }
    until(|| source.loads() == 1).await;
    go_on.notify_one();
    for found in join_all(calls).await {
        assert!(found.expect("ends").expect("loads").is_some());
    }
    assert_eq!(source.loads(), 1);
}

// The hard timeout is half a minute: nobody waits for it where nothing was stored.
#[tokio::test(flavor = "multi_thread")]
async fn c11_a_load_that_stores_nothing_holds_up_no_other_process() {
    let redis = ThrowawayRedis::start();
    let (one, two) = (redis.client().await, redis.client().await);
    let options = CacheOptions::new(TTL).cluster_wide();
    let make = |client| SmartCache::<Order>::new("orders", client, options.clone());
    let (here, there) = (make(&one).expect("valid"), make(&two).expect("valid"));
    let begun = Instant::now();
    for key in 0..4_u32 {
        let source = Source::default();
        match key {
            0 => {
                let failing = || async { Err::<Order, _>(Error::Ended) };
                let failed = here.get_or_load(tenant("acme"), key, failing).await;
                failed.expect_err("fails");
            }
            1 => {
                let found = source.clone();
                let load =
                    || async move { found.load().await.map(|it| Loaded::value(it).not_kept()) };
                let loaded = here.get_or_load(tenant("acme"), key, load).await;
                loaded.expect("loads");
            }
            2 => {
                let none = |_: Vec<u32>| async { Err::<HashMap<u32, Order>, _>(Error::Ended) };
                let failed = here.get_many(tenant("acme"), [key], none).await;
                failed.expect_err("fails");
            }
            _ => {
                let (found, client) = (source.clone(), two.clone());
                let overtaken = || async move {
                    client.invalidate_tenant(tenant("acme")).await?;
                    found.load().await
                };
                let loaded = here.get_or_load(tenant("acme"), key, overtaken).await;
                loaded.expect("loads");
            }
        }
        let load = move || source.load();
        let found = there.get_or_load(tenant("acme"), key, load).await;
        assert!(found.expect("loads").is_some(), "{key}");
    }
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test(flavor = "multi_thread")]
async fn c11_where_the_loading_process_dies_another_loads() {
    let redis = ThrowawayRedis::start();
    let options = CacheOptions::new(TTL)
        .cluster_wide()
        .hard_timeout(Duration::from_millis(300));
    let make = |client: &CacheClient| {
        SmartCache::<Order>::new("orders", client, options.clone()).expect("valid")
    };
    let (dies, lives) = (redis.client().await, redis.client().await);
    let doomed = make(&dies);
    let stuck = || std::future::pending::<Result<Order, Error>>();
    let abandoned =
        tokio::spawn(async move { doomed.get_or_load(tenant("acme"), 7, stuck).await.map(drop) });
    until(|| redis.ask("DBSIZE") != ":0").await;
    abandoned.abort();
    let source = Source::default();
    let loads = source.clone();
    let found = make(&lives)
        .get_or_load(tenant("acme"), 7, move || loads.load())
        .await;
    assert!(found.expect("loads").is_some());
    assert_eq!(source.loads(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn c04_a_slow_source_is_answered_with_the_stale_value_and_goes_on() {
    let redis = ThrowawayRedis::start();
    let options = CacheOptions::new(Duration::from_millis(30))
        .jitter(0.0)
        .stale(TTL)
        .soft_timeout(Duration::from_millis(5));
    for client in [redis.client().await, CacheClient::in_process()] {
        let cache = SmartCache::<Order>::new("orders", &client, options.clone());
        let (cache, acme) = (cache.expect("valid"), tenant("acme"));
        let source = Source::default();
        let first = source.clone();
        let old = cache.get_or_load(&acme, 7, move || first.load()).await;
        let old = old.expect("loads").expect("is there");
        until(|| client.is_idle()).await;
        source.change();
        let go_on = Arc::new(Notify::new());
        // Until the first value is stale, it is simply a hit.
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while cache.statistics().stale == 0 {
            assert!(std::time::Instant::now() < deadline);
            let (source, waits) = (source.clone(), Arc::clone(&go_on));
            let load = move || async move {
                waits.notified().await;
                source.load().await
            };
            let found = cache.get_or_load(&acme, 7, load).await.expect("answers");
            assert_eq!(found.as_ref(), Some(&old));
        }
        assert_eq!(source.loads(), 1, "it has not answered yet");
        go_on.notify_one();
        until(|| client.is_idle()).await;
        assert_eq!(source.loads(), 2);
        assert_eq!(cache.statistics().loads, 2);
        client.invalidate_tenant(&acme).await.expect("invalidates");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c04_a_failing_source_is_answered_with_the_stale_value_unless_it_was_invalidated() {
    let redis = ThrowawayRedis::start();
    let options = CacheOptions::new(Duration::from_millis(1)).stale(TTL);
    for client in [redis.client().await, CacheClient::in_process()] {
        let cache = SmartCache::<Order>::new("orders", &client, options.clone());
        let (cache, acme) = (cache.expect("valid"), tenant("acme"));
        let source = Source::default();
        let first = source.clone();
        cache
            .get_or_load(&acme, 7, move || first.load())
            .await
            .expect("loads");
        until(|| client.is_idle()).await;
        let fails = || async { Err::<Order, _>(std::io::Error::other("away")) };
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while cache.statistics().stale == 0 {
            assert!(std::time::Instant::now() < deadline);
            let found = cache.get_or_load(&acme, 7, fails).await.expect("answers");
            assert_eq!(found.as_deref(), Some(&source.order()));
        }
        cache.delete(&acme, 7).await.expect("removes");
        assert!(cache.get_or_load(&acme, 7, fails).await.is_err());
    }
}

#[test]
fn c10_callers_that_come_as_a_load_ends_do_not_begin_another() {
    // No runtime's threads in between: each caller is a thread, and all begin at once.
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let client = CacheClient::in_process();
    let cache = SmartCache::<u32>::new("numbers", &client, CacheOptions::new(TTL)).expect("valid");
    const ROUNDS: u64 = 3_000;
    const CALLERS: usize = 4;
    let together = std::sync::Barrier::new(CALLERS);
    std::thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (cache, runtime, together) = (&cache, &runtime, &together);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    together.wait();
                    // They arrive around the end of the first one's load.
                    for _ in 0..caller * 200 * (round as usize % 20) {
                        std::hint::spin_loop();
                    }
                    let load = || async { Ok::<_, Error>(7) };
                    let found = cache.get_or_load(tenant("acme"), round, load);
                    assert!(runtime.block_on(found).expect("loads").is_some());
                }
            });
        }
    });
    assert_eq!(cache.statistics().loads, ROUNDS);
}
