//! A Redis Cluster of three masters: all keys of a tenant are in one slot, messages reach every node.

use std::collections::HashMap;
use std::process::Command;
use std::time::{Duration, Instant};

use dotmac_database::cache::{CacheClientOptions, CacheOptions, SmartCache};
use dotmac_database::{Error, Global, RedisConfig, TenantId};

use super::server::{ThrowawayRedis, client_of, connected, patient, until};
use super::support::{Source, TTL, orders, tenant};

/// Nodes that know nothing of each other. Where one is lost, the others serve their slots.
pub fn nodes(count: usize) -> Vec<ThrowawayRedis> {
    let settings = [
        ["--cluster-enabled", "yes"],
        ["--cluster-node-timeout", "2000"],
        ["--cluster-require-full-coverage", "no"],
    ];
    let node = |_| ThrowawayRedis::start_with(settings.as_flattened());
    (0..count).map(node).collect()
}

/// Three masters, with all slots among them.
pub fn three_masters() -> Vec<ThrowawayRedis> {
    let nodes = nodes(3);
    let addresses = nodes.iter().map(ThrowawayRedis::address);
    let made = Command::new("redis-cli")
        .args(["--cluster", "create"])
        .args(addresses)
        .args(["--cluster-replicas", "0", "--cluster-yes"])
        .output()
        .expect("redis-cli");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stdout)
    );
    let deadline = Instant::now() + Duration::from_secs(20);
    while nodes
        .iter()
        .any(|node| node.ask("GET x").starts_with("-CLUSTERDOWN"))
    {
        assert!(Instant::now() < deadline, "the cluster does not come up");
        std::thread::yield_now();
    }
    nodes
}

#[tokio::test(flavor = "multi_thread")]
async fn c17_a_cluster_holds_tenants_on_different_nodes_and_invalidates_them_all() {
    let nodes = three_masters();
    let url = |node: &ThrowawayRedis| format!("redis-cluster://{}", node.address());
    let (one, two) = (
        client_of(&url(&nodes[0])).await,
        client_of(&url(&nodes[1])).await,
    );
    let (here, there) = (orders(&one), orders(&two));
    let source = Source::default();
    let tenants: Vec<_> = (0..20).map(|at| tenant(&format!("t{at}"))).collect();
    for who in &tenants {
        let loads = source.clone();
        let lookup = here.lookup(who, 7).expect("tenant").tag("red");
        lookup
            .get_or_load(move || loads.load())
            .await
            .expect("loads");
    }
    until(|| one.is_idle()).await;
    assert_eq!(here.statistics().faults, 0);
    for who in &tenants {
        assert!(there.get(who, 7).await.expect("looks").is_some(), "{who:?}");
    }
    assert!(
        nodes.iter().all(|node| node.ask("DBSIZE") != ":0"),
        "each node has some"
    );
    source.change();
    for who in &tenants {
        one.invalidate_tag(who, "red").await.expect("invalidates");
        let loads = source.clone();
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let loads = loads.clone();
            let found = there.get_or_load(who, 7, move || loads.load()).await;
            if found
                .expect("loads")
                .is_some_and(|it| *it == source.order())
            {
                break;
            }
            assert!(Instant::now() < deadline, "{who:?} is not told");
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(there.statistics().faults, 0);
    let rates = dotmac_database::cache::SmartCache::<u32, Global>::global(
        "rates",
        &one,
        dotmac_database::cache::CacheOptions::new(super::support::TTL),
    );
    let rates = rates.expect("valid");
    rates.set(Global, "EUR", 1).await.expect("sets");
    assert!(rates.delete(Global, "EUR").await.expect("removes"));
}

#[tokio::test(flavor = "multi_thread")]
async fn c02_a_node_that_is_lost_costs_its_tenants_the_cache_and_nobody_an_error() {
    let mut nodes = three_masters();
    let client = client_of(&format!("redis-cluster://{}", nodes[0].address())).await;
    let cache = orders(&client);
    let source = Source::default();
    nodes[2].kill();
    for at in 0..30 {
        let loads = source.clone();
        let found = cache
            .get_or_load(tenant(&format!("t{at}")), 7, move || loads.load())
            .await;
        assert!(found.expect("never an error").is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c17_a_large_tenant_is_spread_over_the_nodes_and_invalidated_in_all_of_them() {
    let nodes = three_masters();
    let config = RedisConfig::new(&format!("redis-cluster://{}", nodes[0].address()));
    let config = config.expect("valid");
    let big = TenantId::parse("big").expect("valid");
    let options = CacheClientOptions::from(patient()).shards_of(big, 8);
    let (one, two) = (
        connected(&config, options.clone()).await,
        connected(&config, options).await,
    );
    let options = CacheOptions::new(TTL).patterns();
    let make = |client| SmartCache::<u32>::new("numbers", client, options.clone()).expect("valid");
    let (here, there) = (make(&one), make(&two));
    let big = tenant("big");
    let fill = async || {
        let load = |keys: Vec<u32>| async move {
            Ok::<HashMap<_, _>, Error>(keys.into_iter().map(|key| (key, key)).collect())
        };
        let all = here.get_many(&big, 0..300, load).await.expect("loads");
        assert!(
            (0..300).all(|key| *all[&key] == key),
            "each has its own value"
        );
        until(|| one.is_idle()).await;
    };
    let left = async || {
        let mut left = 0;
        for key in 0..300_u32 {
            left += usize::from(there.exists(&big, key).await.expect("looks"));
        }
        left
    };
    let size = |node: &ThrowawayRedis| -> usize {
        let size = node.ask("DBSIZE");
        size.trim_start_matches(':').parse().expect("a number")
    };
    fill().await;
    assert!(nodes.iter().all(|node| size(node) > 20), "each has some");
    assert_eq!(left().await, 300);
    for way in 0..4 {
        let ended = match way {
            0 => one.invalidate_tenant(&big).await,
            1 => here.invalidate_namespace(&big).await,
            2 => here.invalidate_matching(&big, "*").await,
            _ => here.delete(&big, 7_u32).await.map(drop),
        };
        ended.expect("invalidates");
        let expected = if way == 3 { 299 } else { 0 };
        let deadline = Instant::now() + Duration::from_secs(10);
        while left().await != expected {
            assert!(Instant::now() < deadline, "{way}: not heard");
        }
        fill().await;
        assert_eq!(left().await, 300, "{way}");
    }
    // What a small tenant has is in one place.
    here.set(tenant("small"), 1_u32, 1).await.expect("sets");
    one.invalidate_tenant(tenant("small"))
        .await
        .expect("invalidates");
    let physical = one.physical(&big).expect("a tenant");
    assert!(physical.tenant().await.expect("erases") >= 300);
    let swept = one
        .sweep()
        .per_second(1_000_000)
        .run(|_| {})
        .await
        .expect("sweeps");
    assert_eq!(
        (swept.met, swept.removed),
        (1, 1),
        "on whichever node it is"
    );
    assert_eq!(two.statistics().missed, 0);
    let apart = nodes[0].ask("MGET a b c d");
    assert!(apart.starts_with("-CROSSSLOT"), "{apart}");
}
