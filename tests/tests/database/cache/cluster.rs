//! A Redis Cluster of three masters: all keys of a tenant are in one slot, messages reach every node.

use std::process::Command;
use std::time::{Duration, Instant};

use dotmac_database::Global;

use super::server::{ThrowawayRedis, client_of, until};
use super::support::{Source, orders, tenant};

/// Three masters, with all slots among them.
fn three_masters() -> Vec<ThrowawayRedis> {
    let settings = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
    let nodes: Vec<_> = (0..3)
        .map(|_| ThrowawayRedis::start_with(&settings))
        .collect();
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
