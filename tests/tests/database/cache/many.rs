//! Many keys at once: partial misses go to one load.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use dotmac_database::Error;
use dotmac_database::cache::CacheClient;

use super::server::{ThrowawayRedis, until};
use super::support::{Order, orders, tenant};

fn order(key: u32) -> Order {
    Order {
        number: format!("A-{key}"),
        version: 0,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_missing_is_loaded_and_at_once() {
    let redis = ThrowawayRedis::start();
    let (one, two) = (redis.client().await, redis.client().await);
    let alone = CacheClient::in_process();
    for (fills, asks) in [(&one, &two), (&alone, &alone)] {
        let acme = tenant("acme");
        let filled: HashMap<u32, Order> = (0..600).map(|key| (key, order(key))).collect();
        orders(fills).set_many(&acme, filled).await.expect("sets");
        let cache = match std::ptr::eq(fills, asks) {
            true => continue_with(fills).await,
            false => orders(asks),
        };
        let asked = Arc::new(Mutex::new(Vec::new()));
        let loads = Arc::new(AtomicUsize::new(0));
        let (noted, counted) = (Arc::clone(&asked), Arc::clone(&loads));
        let load = move |mut keys: Vec<u32>| async move {
            counted.fetch_add(1, Ordering::SeqCst);
            keys.sort_unstable();
            noted.lock().expect("free").clone_from(&keys);
            // There is no order 1000.
            keys.retain(|key| *key != 1_000);
            Ok::<_, Error>(keys.into_iter().map(|key| (key, order(key))).collect())
        };
        let keys = (590..603).chain([1_000, 600]);
        let found = cache.get_many(&acme, keys, load).await.expect("finds");
        assert_eq!(found.len(), 13);
        assert!(found.iter().all(|(key, value)| **value == order(*key)));
        assert_eq!(*asked.lock().expect("free"), [600, 601, 602, 1_000]);
        until(|| asks.is_idle()).await;
        assert_eq!(
            cache.find(&acme, 1_000_u32).await.expect("looks"),
            Some(None)
        );
        let never = |_: Vec<u32>| async { Err::<HashMap<u32, Order>, _>(Error::Ended) };
        let again = cache.get_many(&acme, 590..603, never).await.expect("finds");
        assert_eq!(again.len(), 13);
        assert_eq!(loads.load(Ordering::SeqCst), 1);
    }
}

/// A cache in one process shares its values with nobody: it is filled anew.
async fn continue_with(client: &CacheClient) -> dotmac_database::cache::SmartCache<Order> {
    let cache = orders(client);
    let filled = (0..600).map(|key: u32| (key, order(key)));
    cache.set_many(tenant("acme"), filled).await.expect("sets");
    cache
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_fails_fails_for_all_who_wait() {
    let client = CacheClient::in_process();
    let cache = orders(&client);
    let fails = |_: Vec<u32>| async { Err::<HashMap<u32, Order>, _>(Error::Ended) };
    let error = cache
        .get_many(tenant("acme"), 0..3, fails)
        .await
        .expect_err("fails");
    assert!(matches!(error, Error::Ended), "{error}");
    assert_eq!(
        cache.find(tenant("acme"), 0_u32).await.expect("looks"),
        None
    );
}
