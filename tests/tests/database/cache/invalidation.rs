//! What is invalidated is gone everywhere, and what was being loaded meanwhile is not stored.

use std::sync::Arc;

use dotmac_database::cache::{CacheClient, Loaded, SmartCache};
use dotmac_database::{Error, RequestContext};
use tokio::sync::Barrier;

use super::server::{ThrowawayRedis, until};
use super::support::{Order, Source, ask, orders, tenant};

/// The ways to invalidate order 7 of acme.
#[derive(Debug, Clone, Copy, PartialEq)]
enum By {
    Key,
    Tag,
    LateTag,
    Namespace,
    Tenant,
}

const WAYS: [By; 5] = [By::Key, By::Tag, By::LateTag, By::Namespace, By::Tenant];

async fn invalidate(by: By, client: &CacheClient, cache: &SmartCache<Order>) {
    let acme = tenant("acme");
    match by {
        By::Key => cache.delete(&acme, 7).await.map(drop),
        By::Tag => client.invalidate_tag(&acme, "early").await,
        By::LateTag => client.invalidate_tag(&acme, "late").await,
        By::Namespace => cache.invalidate_namespace(&acme).await,
        By::Tenant => client.invalidate_tenant(&acme).await,
    }
    .expect("invalidates");
}

/// Loads order 7 with both tags; the barriers are met before and after the source is read.
async fn load_slowly(
    cache: SmartCache<Order>,
    source: Source,
    is_late: bool,
    read: Arc<Barrier>,
    go_on: Arc<Barrier>,
) -> Arc<Order> {
    let lookup = cache
        .lookup(tenant("acme"), 7)
        .expect("tenant")
        .tag("early");
    let loaded = lookup.get_or_load(move || async move {
        let order = source.load().await?;
        read.wait().await;
        go_on.wait().await;
        // A tag that the loader brings has every invalidation of the tenant count.
        Ok::<_, Error>(match is_late {
            true => Loaded::value(order).tag("late"),
            false => Loaded::value(order),
        })
    });
    loaded.await.expect("loads").expect("is there")
}

#[tokio::test(flavor = "multi_thread")]
async fn invalidated_values_are_gone_in_every_process() {
    let redis = ThrowawayRedis::start();
    let (one, two) = (redis.client().await, redis.client().await);
    let (here, there) = (orders(&one), orders(&two));
    for by in WAYS {
        let source = Source::default();
        let none = || Arc::new(Barrier::new(1));
        load_slowly(here.clone(), source.clone(), true, none(), none()).await;
        until(|| one.is_idle()).await;
        ask(&there, &source).await;
        ask(&there, &source).await;
        assert_eq!(source.loads(), 1, "{by:?}");
        source.change();
        invalidate(by, &one, &here).await;
        assert_eq!(*ask(&here, &source).await, source.order(), "{by:?}");
        until(|| one.is_idle()).await;
        // The message is on its way.
        let mut now = ask(&there, &source).await;
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while *now != source.order() {
            assert!(std::time::Instant::now() < deadline, "{by:?} is not heard");
            tokio::task::yield_now().await;
            now = ask(&there, &source).await;
        }
        assert_eq!(source.loads(), 2, "{by:?}");
        invalidate(By::Tenant, &one, &here).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c07_what_was_invalidated_during_its_load_is_not_stored() {
    let redis = ThrowawayRedis::start();
    let (one, two) = (redis.client().await, redis.client().await);
    let alone = CacheClient::in_process();
    // Who loads, and who invalidates: one process, another one, and one without Redis.
    for (loads, ends) in [(&one, &one), (&one, &two), (&alone, &alone)] {
        for by in WAYS {
            let (cache, others) = (orders(loads), orders(ends));
            let source = Source::default();
            let (read, go_on) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
            let load = load_slowly(
                cache.clone(),
                source.clone(),
                by == By::LateTag,
                read.clone(),
                go_on.clone(),
            );
            let load = tokio::spawn(load);
            read.wait().await;
            source.change();
            invalidate(by, ends, &others).await;
            // Who asks after the invalidation does not wait for the load from before it.
            if std::ptr::eq(loads, ends) {
                assert_eq!(*ask(&cache, &source).await, source.order(), "{by:?}");
                invalidate(by, ends, &others).await;
                cache.delete(tenant("acme"), 7).await.expect("removes");
            }
            go_on.wait().await;
            assert_eq!(
                load.await.expect("loads").version,
                0,
                "{by:?}: who waited gets it"
            );
            // The store after the load is over when no task is left.
            until(|| loads.is_idle()).await;
            assert_eq!(*ask(&cache, &source).await, source.order(), "{by:?}");
            assert_eq!(*ask(&others, &source).await, source.order(), "{by:?}");
            loads
                .invalidate_tenant(tenant("acme"))
                .await
                .expect("invalidates");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalidation_is_one_tenants() {
    let redis = ThrowawayRedis::start();
    let client = redis.client().await;
    let cache = orders(&client);
    let order = Source::default().order();
    for id in ["acme", "beta"] {
        cache.set(tenant(id), 7, order.clone()).await.expect("sets");
    }
    client
        .invalidate_tenant(tenant("acme"))
        .await
        .expect("invalidates");
    cache
        .invalidate_namespace(tenant("acme"))
        .await
        .expect("invalidates");
    client
        .invalidate_tag(tenant("acme"), "orders")
        .await
        .expect("invalidates");
    let fresh = orders(&redis.client().await);
    let find = async |cache: &SmartCache<Order>, who: RequestContext| {
        cache.get(who, 7).await.expect("looks").is_some()
    };
    assert!(!find(&fresh, tenant("acme")).await);
    assert!(find(&fresh, tenant("beta")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn c05_a_redis_that_comes_back_empty_revives_nothing() {
    let mut redis = ThrowawayRedis::start();
    let client = redis.client().await;
    let cache = orders(&client);
    let source = Source::default();
    ask(&cache, &source).await;
    source.change();
    redis.kill();
    until(|| !client.is_coherent()).await;
    redis.restart();
    until(|| client.is_coherent()).await;
    assert_eq!(*ask(&cache, &source).await, source.order());
}
