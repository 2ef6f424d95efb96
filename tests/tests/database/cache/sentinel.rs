//! Sentinel: after a failover, the cache goes on with the new master, and what is removed afterwards is gone.

use std::time::{Duration, Instant};

use super::server::{ThrowawayRedis, client_of, until};
use super::support::{Source, ask, orders, tenant};

#[tokio::test(flavor = "multi_thread")]
async fn c05_after_a_failover_the_new_master_is_used() {
    let mut master = ThrowawayRedis::start();
    let (host, port) = ("127.0.0.1", master.address());
    let port = port.rsplit(':').next().expect("a port").to_owned();
    let replica = ThrowawayRedis::start_with(&["--replicaof", host, &port]);
    let sentinel = ThrowawayRedis::start_sentinel("shop", &port);
    let deadline = Instant::now() + Duration::from_secs(20);
    while !replica
        .info("replication")
        .contains("master_link_status:up")
        || !sentinel.info("sentinel").contains("slaves=1")
    {
        assert!(Instant::now() < deadline, "the replica is not there");
        std::thread::yield_now();
    }
    let url = format!(
        "redis-sentinel://{}?sentinelServiceName=shop",
        sentinel.address()
    );
    let client = client_of(&url).await;
    let cache = orders(&client);
    let source = Source::default();
    ask(&cache, &source).await;
    until(|| client.is_idle()).await;
    assert_ne!(master.ask("DBSIZE"), ":0");
    source.change();
    master.kill();
    let deadline = Instant::now() + Duration::from_secs(60);
    // It fails until there is a new master.
    while cache.delete(tenant("acme"), 7).await.is_err() {
        assert!(Instant::now() < deadline, "no new master");
        tokio::task::yield_now().await;
    }
    assert_eq!(*ask(&cache, &source).await, source.order());
    while cache.set(tenant("acme"), 8, source.order()).await.is_err() {
        assert!(Instant::now() < deadline, "the new master is not used");
        tokio::task::yield_now().await;
    }
    assert_ne!(replica.ask("DBSIZE"), ":0");
}
