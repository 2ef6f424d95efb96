//! What a cache tells of itself, what it weighs, and that its counts are exact.

use std::collections::HashMap;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use dotmac_database::Error;
use dotmac_database::cache::{CacheClient, CacheOptions, SmartCache};
use dotmac_database::prelude::*;
use migration::entity::order;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use super::server::{ThrowawayRedis, until};
use super::support::{Source, TTL, ask, orders, tenant};
use crate::health::Noted;
use crate::support::Shop;
use crate::web::Spans;

#[tokio::test(flavor = "multi_thread")]
async fn statistics_and_metrics_tell_of_every_cache_of_a_client() {
    let redis = ThrowawayRedis::start();
    let client = redis.client().await;
    let source = Source::default();
    let (first, second) = (orders(&client), orders(&client));
    ask(&first, &source).await;
    ask(&first, &source).await;
    until(|| client.is_idle()).await;
    ask(&second, &source).await;
    let gone = SmartCache::<u32>::new("gone", &client, CacheOptions::new(TTL));
    drop(gone);
    let statistics = client.statistics();
    assert_eq!(statistics.caches.keys().collect::<Vec<_>>(), ["orders"]);
    let both = &statistics.caches["orders"];
    assert_eq!((both.near_hits, both.far_hits, both.misses), (1, 1, 1));
    assert_eq!((both.loads, both.near_entries > 0), (1, true));
    assert!(statistics.is_coherent && !statistics.is_held_back);
    first.delete(tenant("acme"), 7).await.expect("removes");
    until(|| client.statistics().heard == 1).await;

    let recorder = Noted::default();
    metrics::with_local_recorder(&recorder, || client.record_metrics());
    let values = recorder.0.lock().expect("free").clone();
    for (key, value) in [
        ("dotmac.cache.count{cache=orders,outcome=near_hit}", 1.0),
        ("dotmac.cache.loads{cache=orders,outcome=loaded}", 1.0),
        ("dotmac.cache.messages{event=heard}", 1.0),
        ("dotmac.cache.coherent{}", 1.0),
        ("dotmac.cache.held_back{}", 0.0),
    ] {
        assert_eq!(values.get(key), Some(&value), "{key} in {values:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c23_under_16_threads_hits_and_misses_are_all_calls() {
    const THREADS: u32 = 16;
    const ROUNDS: u32 = 300;
    let redis = ThrowawayRedis::start();
    for client in [redis.client().await, CacheClient::in_process()] {
        let options = CacheOptions::new(TTL).near_entries(20);
        let cache = SmartCache::<u32>::new("numbers", &client, options).expect("valid");
        let together = Arc::new(Barrier::new(THREADS as usize));
        let runtime = tokio::runtime::Handle::current();
        let threads = (0..THREADS).map(|thread| {
            let (cache, runtime) = (cache.clone(), runtime.clone());
            let together = Arc::clone(&together);
            std::thread::spawn(move || {
                together.wait();
                runtime.block_on(work(&cache, thread, ROUNDS))
            })
        });
        let threads: Vec<_> = threads.collect();
        let calls = tokio::task::spawn_blocking(move || {
            let ended = threads.into_iter().map(|it| it.join().expect("ends"));
            ended.sum::<u64>()
        });
        let calls = calls.await.expect("ends");
        let statistics = cache.statistics();
        assert_eq!(
            statistics.hits() + statistics.misses,
            calls,
            "{statistics:?}"
        );
        cache.reset_statistics();
        assert_eq!(cache.statistics().hits() + cache.statistics().misses, 0);
    }
}

/// Calls of all kinds; how many.
async fn work(cache: &SmartCache<u32>, thread: u32, rounds: u32) -> u64 {
    let acme = tenant("acme");
    let mut calls = 0;
    for round in 0..rounds {
        let key = (thread + round * 7) % 50;
        match round % 6 {
            0 => {
                let fails = || async { Err::<u32, _>(Error::Ended) };
                cache.get_or_load(&acme, key, fails).await.ok();
            }
            1 => {
                cache.get(&acme, key).await.expect("looks");
            }
            2 => {
                let load = |keys: Vec<u32>| async move {
                    Ok::<HashMap<_, _>, Error>(keys.into_iter().map(|key| (key, key)).collect())
                };
                // Two of them are one. It may share a load that fails.
                let keys = [key, (key + 1) % 50, key];
                cache.get_many(&acme, keys, load).await.ok();
                calls += 1;
            }
            3 => {
                cache.delete(&acme, key).await.expect("removes");
                calls -= 1;
            }
            _ => {
                let load = move || async move { Ok::<_, Error>(key) };
                cache.get_or_load(&acme, key, load).await.ok();
            }
        }
        calls += 1;
    }
    calls
}

#[tokio::test(flavor = "multi_thread")]
async fn c22_the_process_keeps_no_more_than_its_bounds() {
    let client = CacheClient::in_process();
    let few = CacheOptions::new(TTL).near_entries(100);
    let small = CacheOptions::new(TTL)
        .near_bytes(64 << 10)
        .near_entries(1_000_000);
    for (options, most, bytes) in [(few, 100, 64 << 20), (small, (64 << 10) / 500, 64 << 10)] {
        let cache = SmartCache::<String>::new("texts", &client, options).expect("valid");
        for key in 0..10 * most {
            cache
                .set(tenant("acme"), key, "x".repeat(500))
                .await
                .expect("sets");
        }
        let statistics = cache.statistics();
        let is_within = statistics.near_entries <= most && statistics.near_bytes <= bytes;
        assert!(is_within && statistics.near_entries > 0, "{statistics:?}");
        assert_eq!(statistics.evicted, 10 * most - statistics.near_entries);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c14_entries_that_are_made_together_do_not_end_together() {
    let redis = ThrowawayRedis::start();
    let client = redis.client().await;
    let options = CacheOptions::new(Duration::from_secs(1_000)).jitter(0.5);
    let cache = SmartCache::<u32>::new("numbers", &client, options).expect("valid");
    let acme = tenant("acme");
    let load = |keys: Vec<u32>| async move {
        Ok::<HashMap<_, _>, Error>(keys.into_iter().map(|key| (key, key)).collect())
    };
    cache.get_many(&acme, 0..200, load).await.expect("loads");
    until(|| client.is_idle()).await;
    let mut tenths = [0; 11];
    for key in 0..200_u32 {
        let left = cache
            .ttl(&acme, key)
            .await
            .expect("looks")
            .expect("is there");
        tenths[usize::try_from(left.as_secs() / 100).expect("small")] += 1;
    }
    assert!(tenths[..4].iter().all(|it| *it == 0), "{tenths:?}");
    assert!(tenths[5..10].iter().all(|it| *it >= 15), "{tenths:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn c09_what_a_unit_of_work_has_not_committed_is_not_stored() {
    let shop = Shop::open().await;
    let redis = ThrowawayRedis::start();
    let client = redis.client().await;
    let cache = SmartCache::<u64>::new("count", &client, CacheOptions::new(TTL)).expect("valid");
    let acme = tenant("acme");
    let tx = shop.db.begin(&acme).expect("begins");
    crate::support::set_total(&tx, TOTAL).await;
    assert_ne!(changed(&tx).await.expect("counts"), 0);
    // A loader cannot take the session along: it opens one of its own, which sees what is committed.
    let (db, context) = (shop.db.clone(), acme.clone());
    let load = || async move { db.read(&context, async |tx| changed(tx).await).await };
    let loaded = cache.get_or_load(&acme, "changed", load).await;
    assert_eq!(loaded.expect("loads").as_deref(), Some(&0));
    tx.rollback().await.expect("rolls back");
}

const TOTAL: i64 = 1_234_567;

async fn changed(tx: &Session) -> Result<u64, sea_orm::DbErr> {
    let orders = order::Entity::find().filter(order::Column::TotalCents.eq(TOTAL));
    orders.count(tx).await
}

#[tokio::test]
async fn spans_tell_of_what_is_not_found_in_the_process() {
    let client = CacheClient::in_process();
    let cache = orders(&client);
    let source = Source::default();
    let spans = Spans::default();
    let guard = tracing::subscriber::set_default(spans.clone());
    ask(&cache, &source).await;
    ask(&cache, &source).await;
    cache
        .set(tenant("acme"), 8, source.order())
        .await
        .expect("sets");
    cache.delete(tenant("acme"), 8).await.expect("removes");
    client
        .invalidate_tag(tenant("acme"), "red")
        .await
        .expect("invalidates");
    drop(guard);
    for (name, outcome) in [
        ("dotmac.cache.get", Some("miss")),
        ("dotmac.cache.load", Some("loaded")),
        ("dotmac.cache.set", None),
        ("dotmac.cache.delete", None),
        ("dotmac.cache.invalidate", None),
    ] {
        let named = spans.named(name);
        assert_eq!(named.len(), 1, "{name}");
        assert_eq!(named[0]["tenant.id"], "acme", "{name}");
        let told = named[0].get("cache.outcome").map(String::as_str);
        assert_eq!(told, outcome, "{name}");
    }
}

#[tokio::test]
async fn spans_tell_of_many_keys_and_of_looks_that_load_nothing() {
    let client = CacheClient::in_process();
    let cache = orders(&client);
    let source = Source::default();
    let spans = Spans::default();
    let guard = tracing::subscriber::set_default(spans.clone());
    let order = source.order();
    let load = |keys: Vec<i32>| async move {
        let loaded = keys.into_iter().map(|key| (key, order.clone()));
        Ok::<_, Error>(loaded.collect::<HashMap<_, _>>())
    };
    let found = cache.get_many(tenant("acme"), 7..10, load.clone()).await;
    assert_eq!(found.expect("loads").len(), 3);
    // All of them are in the process, and have no span.
    cache
        .get_many(tenant("acme"), 7..10, load)
        .await
        .expect("finds");
    assert_eq!(cache.get(tenant("acme"), 1).await.expect("looks"), None);
    assert!(cache.get(tenant("acme"), 7).await.expect("looks").is_some());
    drop(guard);
    let many = spans.named("dotmac.cache.get_many");
    assert_eq!(many.len(), 1);
    assert_eq!(many[0]["tenant.id"], "acme");
    assert_eq!(
        (&*many[0]["cache.keys"], &*many[0]["cache.far_hits"]),
        ("3", "0")
    );
    let one = spans.named("dotmac.cache.get");
    assert_eq!(one.len(), 1);
    assert_eq!(one[0]["cache.outcome"], "miss");
}
