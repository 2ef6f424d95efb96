//! Locks in a cluster and behind Sentinel: they go on when a slot moves and when a node is lost.

use std::process::Command;
use std::time::{Duration, Instant};

use dotmac_database::lock::{LockGuard, Locks, Released};
use dotmac_database::{Error, LockError, RedisConfig, RedisFault, RedisOptions};

use super::support::{WAIT, import, locks_at, take, tenant, until_answered, until_connected};
use crate::cache::cluster::{nodes, three_masters};
use crate::cache::server::{ThrowawayRedis, until};

const TTL: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn l13_a_lock_is_held_while_its_slot_moves_to_another_node() {
    let nodes = three_masters();
    let locks = cluster(&nodes[0]).await;
    let lock = import(&locks, Duration::from_secs(3));
    let guard = take(&lock).await;
    let slot = redis_cli(&nodes[0], &["CLUSTER", "KEYSLOT", "dotmac:{acme}:locks"]);
    let holds =
        |node: &&ThrowawayRedis| redis_cli(node, &["CLUSTER", "COUNTKEYSINSLOT", &slot]) != "0";
    let from = nodes.iter().find(holds).expect("one has it");
    let to = nodes
        .iter()
        .find(|node| !holds(node))
        .expect("two have not");
    let [from_id, to_id] = [from, to].map(|node| redis_cli(node, &["CLUSTER", "MYID"]));
    redis_cli(to, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]);
    redis_cli(from, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]);
    // The keys go one by one, and the lock is renewed and asked for in between.
    let keys = redis_cli(from, &["CLUSTER", "GETKEYSINSLOT", &slot, "100"]);
    for key in keys.lines() {
        let port = to.port().to_string();
        redis_cli(from, &["MIGRATE", "127.0.0.1", &port, key, "0", "5000"]);
        let _ = guard.renew().await;
    }
    for node in &nodes {
        redis_cli(node, &["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]);
    }
    assert!(holds(&to));
    guard.renew().await.expect("goes on");
    let fence = guard.fence();
    assert_eq!(guard.release().await.expect("gives back"), Released::Now);
    assert!(take(&lock).await.fence() > fence);
}

#[tokio::test(flavor = "multi_thread")]
async fn l13_where_a_node_is_lost_the_locks_of_others_go_on_and_its_own_with_its_replica() {
    let mut nodes = three_masters();
    let replica = nodes_replica(&nodes[2]);
    let locks = cluster(&nodes[0]).await;
    let hold_all = async |ttl| {
        let mut guards = Vec::new();
        for at in 0..12 {
            let owner = tenant(&format!("t{at}"));
            let taken = import(&locks, ttl).acquire(&owner, WAIT).await;
            guards.push(taken.expect("is free"));
        }
        guards
    };
    // For longer than they live unless they are renewed: those of each slot together.
    let short = Duration::from_secs(2);
    let guards = hold_all(short).await;
    let first = guards.first().expect("some");
    let held = tokio::time::timeout(short + short / 4, first.lost()).await;
    assert!(held.is_err() && guards.iter().all(LockGuard::is_valid));
    drop(guards);
    let guards = hold_all(TTL).await;
    let on_it = |guard: &LockGuard| {
        let slot = redis_cli(&nodes[0], &["CLUSTER", "KEYSLOT", &key_of(guard)]);
        redis_cli(&nodes[2], &["CLUSTER", "COUNTKEYSINSLOT", &slot]) != "0"
    };
    let (lost, others): (Vec<_>, Vec<_>) = guards.into_iter().partition(on_it);
    assert!(!lost.is_empty() && !others.is_empty());
    nodes[2].kill();
    until(|| replica.info("replication").contains("role:master")).await;
    for guard in &others {
        until_renewed(guard).await;
        assert!(guard.is_valid(), "those of the other nodes go on");
    }
    let gone = lost.first().expect("some");
    let owner = tenant(gone.name().to_string().split('/').next().expect("an owner"));
    let fence = gone.fence();
    until_renewed(gone).await;
    drop(lost);
    let again = import(&locks, TTL)
        .acquire(&owner, WAIT)
        .await
        .expect("is free");
    assert!(again.fence() > fence);
}

#[tokio::test(flavor = "multi_thread")]
async fn l13_after_a_failover_by_sentinel_the_new_master_keeps_the_locks() {
    let mut master = ThrowawayRedis::start();
    let port = master.port().to_string();
    let replica = ThrowawayRedis::start_with(&["--replicaof", "127.0.0.1", &port]);
    let sentinel = ThrowawayRedis::start_sentinel("shop", &port);
    until(|| {
        replica
            .info("replication")
            .contains("master_link_status:up")
    })
    .await;
    until(|| sentinel.info("sentinel").contains("slaves=1")).await;
    let url = format!(
        "redis-sentinel://{}?sentinelServiceName=shop",
        sentinel.address()
    );
    let locks = locks_at(&RedisConfig::new(&url).expect("valid"), TIMEOUT).await;
    let lock = import(&locks, TTL);
    let guard = take(&lock).await;
    let fence = guard.fence();
    until(|| replica.ask("EXISTS dotmac:{acme}:lock:import") == ":1").await;
    master.kill();
    until_renewed(&guard).await;
    assert!(guard.is_valid(), "the replica had it");
    assert_eq!(guard.release().await.expect("gives back"), Released::Now);
    assert!(take(&lock).await.fence() > fence);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_held_when_as_many_replicas_have_it_as_were_asked_for() {
    let master = ThrowawayRedis::start();
    let port = master.port().to_string();
    let mut replica = ThrowawayRedis::start_with(&["--replicaof", "127.0.0.1", &port]);
    until(|| {
        replica
            .info("replication")
            .contains("master_link_status:up")
    })
    .await;
    let mut options = RedisOptions::default();
    options.timeout = TIMEOUT;
    options.lock_replicas = 1;
    let locks = Locks::connect_with(&master.config(), options).expect("connects");
    until_connected(&locks).await;
    let lock = import(&locks, TTL);
    for _ in 0..20 {
        let guard = take(&lock).await;
        assert_eq!(replica.ask("EXISTS dotmac:{acme}:lock:import"), ":1");
        guard.release().await.expect("gives back");
    }
    replica.hang();
    let asked = lock.try_acquire(&tenant("acme")).await;
    let Err(Error::Lock(LockError::Unavailable { source, .. })) = asked else {
        panic!("{asked:?}");
    };
    assert_eq!(source.downcast_ref(), Some(&RedisFault::NotReplicated));
    until_answered(&master, "EXISTS dotmac:{acme}:lock:import", ":0", WAIT).await;
    replica.go_on();
}

async fn cluster(node: &ThrowawayRedis) -> Locks {
    let config = RedisConfig::new(&format!("redis-cluster://{}", node.address()));
    locks_at(&config.expect("valid"), TIMEOUT).await
}

/// Waits until the lock is renewed where it is kept now.
async fn until_renewed(guard: &LockGuard) {
    let deadline = Instant::now() + 2 * WAIT;
    while let Err(error) = guard.renew().await {
        assert!(Instant::now() < deadline, "{error}");
        tokio::task::yield_now().await;
    }
}

/// A node that replicates another one.
fn nodes_replica(master: &ThrowawayRedis) -> ThrowawayRedis {
    let replica = nodes(1).remove(0);
    let port = master.port().to_string();
    redis_cli(&replica, &["CLUSTER", "MEET", "127.0.0.1", &port]);
    let id = redis_cli(master, &["CLUSTER", "MYID"]);
    let deadline = Instant::now() + WAIT;
    // They have to meet first.
    while redis_cli(&replica, &["CLUSTER", "REPLICATE", &id]) != "OK" {
        assert!(Instant::now() < deadline, "it does not know its master");
        std::thread::yield_now();
    }
    let is_up = || {
        replica
            .info("replication")
            .contains("master_link_status:up")
    };
    while !is_up() {
        assert!(Instant::now() < deadline, "it does not replicate");
        std::thread::yield_now();
    }
    replica
}

fn key_of(guard: &LockGuard) -> String {
    let name = guard.name().to_string();
    let (owner, name) = name.split_once('/').expect("an owner");
    format!("dotmac:{{{owner}}}:lock:{name}")
}

fn redis_cli(node: &ThrowawayRedis, command: &[&str]) -> String {
    let answer = Command::new("redis-cli")
        .args(["-p", &node.port().to_string()])
        .args(command)
        .output()
        .expect("redis-cli");
    String::from_utf8_lossy(&answer.stdout).trim().to_owned()
}
