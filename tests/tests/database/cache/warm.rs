//! C25: a cache is filled before it is asked, and never with what is older.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dotmac_database::Error;
use dotmac_database::cache::{CacheClient, CacheOptions, SmartCache};

use super::server::{ThrowawayRedis, until};
use super::support::{Order, Source, TTL, orders, tenant};

fn order(key: u32) -> Order {
    Order {
        number: key.to_string(),
        version: 0,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c25_failing_keys_are_counted_and_fresher_values_stay() {
    let mut redis = ThrowawayRedis::start();
    let client = redis.client().await;
    let cache = orders(&client);
    let acme = tenant("acme");
    let newer = Order {
        number: "3".to_owned(),
        version: 9,
    };
    cache.set(&acme, 3_u32, newer.clone()).await.expect("sets");
    let load = |key: u32| async move {
        match key {
            5 => Err(Error::Ended),
            key => Ok(order(key)),
        }
    };
    let mut told = Vec::new();
    let warm = cache
        .warm(&acme, 0..10_u32)
        .expect("a tenant")
        .concurrency(3);
    let warmed = warm.run(load, |now| told.push(now.done + now.failed)).await;
    assert_eq!((warmed.done, warmed.failed, warmed.of), (9, 1, 10));
    assert_eq!(told, (1..=10).collect::<Vec<_>>());
    assert_eq!(
        cache.get(&acme, 3_u32).await.expect("looks").as_deref(),
        Some(&newer)
    );
    assert_eq!(
        cache.get(&acme, 4_u32).await.expect("looks").as_deref(),
        Some(&order(4))
    );
    until(|| client.is_idle()).await;
    let again = cache.warm(&acme, [3_u32]).expect("a tenant").refresh();
    again.run(load, |_| ()).await;
    assert_eq!(
        cache.get(&acme, 3_u32).await.expect("looks").as_deref(),
        Some(&order(3))
    );
    redis.kill();
    until(|| !client.is_coherent()).await;
    let warm = cache.warm(&acme, 20..25_u32).expect("a tenant");
    assert_eq!(warm.run(load, |_| ()).await.done, 5, "Redis is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn c25_a_warm_up_that_is_dropped_begins_no_further_load() {
    let client = CacheClient::in_process();
    let cache = orders(&client);
    let begun = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&begun);
    let never = move |_: u32| {
        let counted = Arc::clone(&counted);
        async move {
            counted.fetch_add(1, Ordering::SeqCst);
            std::future::pending::<Result<Order, Error>>().await
        }
    };
    let warm = cache
        .warm(tenant("acme"), 0..100_u32)
        .expect("a tenant")
        .concurrency(2);
    let running = tokio::spawn(async move { warm.run(never, |_| ()).await.done });
    until(|| begun.load(Ordering::SeqCst) == 2).await;
    running.abort();
    assert!(running.await.is_err());
    assert_eq!(begun.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_invalidated_by_the_beginning_of_their_keys() {
    let redis = ThrowawayRedis::start();
    for client in [redis.client().await, CacheClient::in_process()] {
        let options = CacheOptions::new(TTL).prefixes(2);
        let cache = SmartCache::<u32>::new("numbers", &client, options).expect("valid");
        let acme = tenant("acme");
        let source = Source::default();
        for (place, number) in [("a", 1), ("a", 2), ("b", 1), ("ab", 1)] {
            let counted = source.clone();
            let load = move || async move { counted.load().await.map(|_| 1_u32) };
            cache
                .get_or_load(&acme, (place, number, "x"), load)
                .await
                .expect("loads");
        }
        until(|| client.is_idle()).await;
        let there = async |place: &'static str, number: i32| {
            cache
                .exists(&acme, (place, number, "x"))
                .await
                .expect("looks")
        };
        cache
            .invalidate_prefix(&acme, ("a", 1))
            .await
            .expect("invalidates");
        assert!(!there("a", 1).await && there("a", 2).await && there("b", 1).await);
        cache
            .invalidate_prefix(&acme, "a")
            .await
            .expect("invalidates");
        assert!(!there("a", 2).await && there("b", 1).await && there("ab", 1).await);
        assert!(cache.invalidate_prefix(&acme, ("a", 1, "x")).await.is_err());
    }
}
