//! Erasure takes values out of Redis itself; a sweep takes out those that nobody can find.

use dotmac_database::cache::{CacheClient, CacheOptions, Loaded, SmartCache, Swept};
use dotmac_database::lock::{Locks, Released};
use dotmac_database::{Error, Global};

use super::server::{ThrowawayRedis, until};
use super::support::{TTL, tenant};

fn cache(client: &CacheClient, name: &str) -> SmartCache<u32> {
    SmartCache::new(name, client, CacheOptions::new(TTL)).expect("valid")
}

/// Entries of two tenants in two caches; every third has the tag.
async fn fill(client: &CacheClient) {
    for who in ["acme", "beta"] {
        for name in ["orders", "orders2"] {
            let cache = cache(client, name);
            for key in 0..30_u32 {
                let load = move || async move {
                    let loaded = Loaded::value(key);
                    Ok::<_, Error>(match key % 3 {
                        0 => loaded.tag("jane@example.com"),
                        _ => loaded,
                    })
                };
                let loaded = cache.get_or_load(tenant(who), key, load).await;
                loaded.expect("loads");
            }
        }
    }
    until(|| client.is_idle()).await;
}

fn keys(redis: &ThrowawayRedis, pattern: &str) -> usize {
    let answer = redis.ask(&format!(
        "EVAL \"return #redis.call('KEYS', '{pattern}')\" 0"
    ));
    answer.trim_start_matches(':').parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn erasure_takes_out_what_it_names_and_nothing_else() {
    let redis = ThrowawayRedis::start();
    let client = redis.client().await;
    let acme = tenant("acme");
    fill(&client).await;
    // So many that a walk has many steps.
    assert_eq!(
        redis.ask("EVAL \"for i = 1, 5000 do redis.call('SET', 'other' .. i, i) end\" 0"),
        "$-1"
    );
    let physical = client.physical(&acme).expect("a tenant");
    assert_eq!(keys(&redis, "dotmac:{acme}:v:*"), 60);

    assert_eq!(physical.key("orders", 1_u32).await.expect("erases"), 1);
    assert_eq!(physical.key("orders", 1_u32).await.expect("erases"), 0);
    assert_eq!(keys(&redis, "dotmac:{acme}:v:*"), 59);

    assert_eq!(physical.tag("jane@example.com").await.expect("erases"), 20);
    assert_eq!(keys(&redis, "dotmac:{acme}:v:*"), 39);
    assert_eq!(
        cache(&client, "orders")
            .get(&acme, 3_u32)
            .await
            .expect("looks"),
        None
    );

    assert_eq!(physical.namespace("orders").await.expect("erases"), 19);
    assert_eq!(keys(&redis, "dotmac:{acme}:v:orders:*"), 0);
    assert_eq!(keys(&redis, "dotmac:{acme}:v:orders2:*"), 20);

    // What is no cache has a use of its own.
    let locks = Locks::connect(&redis.config()).expect("connects");
    let import = locks.lock("import").expect("valid");
    let guard = import.acquire(&acme, TTL).await.expect("is free");
    assert!(physical.tenant().await.expect("erases") >= 20);
    assert_eq!(keys(&redis, "dotmac:{acme}:[vlt]:*"), 0);
    guard.renew().await.expect("is still held");
    assert_eq!(guard.release().await.expect("releases"), Released::Now);
    assert_eq!(keys(&redis, "dotmac:{beta}:v:*"), 60);
    assert_eq!(keys(&redis, "other*"), 5_000);
    fill(&client).await;
    assert_eq!(keys(&redis, "dotmac:{acme}:v:*"), 60, "it is used again");
}

#[tokio::test(flavor = "multi_thread")]
async fn erasure_of_what_no_tenant_owns_is_not_of_all_tenants() {
    let redis = ThrowawayRedis::start();
    let client = redis.client().await;
    fill(&client).await;
    let rates = SmartCache::<u32, Global>::global("rates", &client, CacheOptions::new(TTL));
    rates
        .expect("valid")
        .set(Global, "EUR", 1)
        .await
        .expect("sets");
    let physical = client.physical(Global).expect("global");
    assert_eq!(physical.namespace("rates").await.expect("erases"), 1);
    assert!(physical.tenant().await.expect("erases") > 0);
    assert_eq!(keys(&redis, "dotmac:{acme}:v:*"), 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn erasure_can_be_left_to_a_task_and_needs_no_redis() {
    let client = CacheClient::in_process();
    fill(&client).await;
    let physical = client.physical(tenant("acme")).expect("a tenant");
    let erased = tokio::spawn(async move { physical.tenant().await }).await;
    assert_eq!(erased.expect("ends").expect("erases"), 0);
    let orders = cache(&client, "orders");
    assert_eq!(
        orders.get(tenant("acme"), 1_u32).await.expect("looks"),
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_takes_out_what_was_invalidated_and_leaves_what_is_alive() {
    let redis = ThrowawayRedis::start();
    let client = redis.client().await;
    fill(&client).await;
    assert_eq!(client.sweep().run(|_| {}).await.expect("sweeps").removed, 0);
    client
        .invalidate_tenant(tenant("beta"))
        .await
        .expect("invalidates");
    client
        .invalidate_tag(tenant("acme"), "jane@example.com")
        .await
        .expect("invalidates");
    assert_eq!(redis.ask("SET dotmac:{acme}:v:orders:rubbish x"), "+OK");
    let mut told = Swept::default();
    let sweep = client.sweep().per_second(1_000_000);
    let swept = tokio::spawn(async move { sweep.run(|now| told = now).await.map(|it| (it, told)) });
    let (swept, told) = swept.await.expect("ends").expect("sweeps");
    assert_eq!((swept.met, swept.removed), (121, 81));
    assert_eq!(told, swept);
    assert_eq!(keys(&redis, "dotmac:*:v:*"), 40);
    let fresh = redis.client().await;
    let alive = cache(&fresh, "orders").get(tenant("acme"), 1_u32).await;
    assert_eq!(alive.expect("looks").as_deref(), Some(&1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_keeps_to_its_rate() {
    let redis = ThrowawayRedis::start();
    let client = redis.client().await;
    fill(&client).await;
    assert_eq!(
        redis.ask("EVAL \"for i = 1, 1000 do redis.call('SET', 'other' .. i, i) end\" 0"),
        "$-1"
    );
    let begun = std::time::Instant::now();
    client
        .sweep()
        .per_second(4_000)
        .run(|_| {})
        .await
        .expect("sweeps");
    // 1,000 keys and more, of which 4,000 a second are looked at.
    assert!(begun.elapsed().as_millis() >= 250, "{:?}", begun.elapsed());
}
