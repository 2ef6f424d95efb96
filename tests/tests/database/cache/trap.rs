//! The traps of fred and moka that the cache minds: a test that fails here says that an upgrade has mended,
//! or moved, what some code of ours works around.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use fred::clients::Client;
use fred::error::ErrorKind;
use fred::interfaces::{ClientLike, KeysInterface, LuaInterface};
use fred::types::config::{Config, Options, ReconnectPolicy};
use fred::types::{Builder, ClusterHash, CustomCommand, Value};

use super::server::{ThrowawayRedis, free_port, until};
use crate::fault_proxy::{Fault, FaultProxy};

/// What a command is given that must not wait.
const SOON: Duration = Duration::from_millis(50);
/// What is enough to see that one waits all the same.
const LONG: Duration = Duration::from_millis(500);

async fn client(port: u16) -> Client {
    let config = Config::from_url(&format!("redis://127.0.0.1:{port}")).expect("valid");
    let mut builder = Builder::from_config(config);
    builder.set_policy(ReconnectPolicy::new_constant(0, 20));
    let client = builder.build().expect("a client");
    client.init().await.expect("connects");
    client
}

fn once(timeout: Option<Duration>) -> Options {
    Options {
        max_attempts: Some(1),
        timeout,
        fail_fast: true,
        ..Options::default()
    }
}

async fn custom(
    client: &Client,
    options: &Options,
    words: &[&'static str],
) -> Result<Value, fred::error::Error> {
    let command = CustomCommand::new_static(words[0], ClusterHash::FirstKey, false);
    let arguments: Vec<Value> = words[1..].iter().map(|word| Value::from(*word)).collect();
    client
        .with_options(options)
        .custom(command, arguments)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn fred_ignores_the_options_of_scripts_and_minds_those_of_custom_commands() {
    let mut redis = ThrowawayRedis::start();
    let client = client(redis.port()).await;
    redis.hang();
    let options = once(Some(SOON));
    let script = client.with_options(&options);
    let script =
        script.eval::<Value, _, _, _>("return 1", Vec::<String>::new(), Vec::<String>::new());
    assert!(
        tokio::time::timeout(LONG, script).await.is_err(),
        "it minds them now"
    );
    let error = custom(&client, &options, &["GET", "k"])
        .await
        .expect_err("in time");
    assert_eq!(*error.kind(), ErrorKind::Timeout);
    // To fail fast alone is no bound.
    let alone = once(None);
    let hangs = custom(&client, &alone, &["GET", "k"]);
    assert!(
        tokio::time::timeout(LONG, hangs).await.is_err(),
        "it is a bound now"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn fred_sends_again_what_was_in_flight_unless_it_is_told() {
    let redis = ThrowawayRedis::start();
    let proxy = FaultProxy::start(redis.port());
    let client = client(proxy.port()).await;
    proxy.next("counter", Fault::ReplyLost);
    let counted: i64 = client.incr("counter").await.expect("counts");
    assert_eq!(counted, 2, "it is sent once now");
    proxy.next("counter", Fault::ReplyLost);
    let once = once(Some(Duration::from_secs(5)));
    custom(&client, &once, &["INCR", "counter"])
        .await
        .expect_err("not known");
    assert_eq!(proxy.happened(), 2);
    assert_eq!(redis.lines("GET counter")[1], "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn fred_does_later_what_was_dropped_while_redis_was_away_unless_it_is_told() {
    let redis = ThrowawayRedis::start();
    let proxy = FaultProxy::start(redis.port());
    let client = client(proxy.port()).await;
    proxy.stop();
    // Until the connection is lost, a command may still be sent over it.
    while client.is_connected() {
        tokio::task::yield_now().await;
    }
    let dropped = client.set::<(), _, _>("dropped", 1, None, None, false);
    assert!(tokio::time::timeout(SOON, dropped).await.is_err());
    let told = custom(&client, &once(Some(SOON)), &["SET", "told", "1"]).await;
    assert!(told.is_err());
    proxy.go_on();
    until(|| redis.ask("EXISTS dropped") == ":1").await;
    let after = once(Some(Duration::from_secs(5)));
    while custom(&client, &after, &["SET", "after", "1"])
        .await
        .is_err()
    {}
    assert_eq!(redis.ask("EXISTS told"), ":0");
}

#[tokio::test(flavor = "multi_thread")]
async fn fred_waits_for_redis_at_its_start_unless_it_fails_fast() {
    let port = free_port();
    for fails_fast in [false, true] {
        let mut config = Config::from_url(&format!("redis://127.0.0.1:{port}")).expect("valid");
        config.fail_fast = fails_fast;
        let mut builder = Builder::from_config(config);
        builder.set_policy(ReconnectPolicy::new_constant(0, 20));
        let client = builder.build().expect("a client");
        let started = tokio::time::timeout(LONG, client.init()).await;
        assert_eq!(started.is_ok(), fails_fast);
        assert!(!started.is_ok_and(|it| it.is_ok()));
    }
}

#[test]
fn moka_keeps_what_was_invalidated_during_its_load() {
    let cache = moka::sync::Cache::<u32, &str>::new(10);
    let (begun, go_on) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (loads, meets, waits) = (cache.clone(), Arc::clone(&begun), Arc::clone(&go_on));
    let load = std::thread::spawn(move || {
        loads.get_with(7, || {
            meets.wait();
            waits.wait();
            "old"
        })
    });
    begun.wait();
    cache.invalidate(&7);
    go_on.wait();
    assert_eq!(load.join().expect("ends"), "old");
    assert_eq!(cache.get(&7), Some("old"), "it minds invalidations now");
}

#[tokio::test(flavor = "multi_thread")]
async fn moka_loads_again_where_the_first_caller_goes_away() {
    let cache = moka::future::Cache::<u32, u32>::new(10);
    let loads = Arc::new(AtomicUsize::new(0));
    let (first, counted) = (cache.clone(), Arc::clone(&loads));
    let leader = tokio::spawn(async move {
        let never = async move {
            counted.fetch_add(1, Ordering::SeqCst);
            std::future::pending::<u32>().await
        };
        first.get_with(7, never).await
    });
    until(|| loads.load(Ordering::SeqCst) == 1).await;
    let (second, counted) = (cache.clone(), Arc::clone(&loads));
    let follower = tokio::spawn(async move {
        let load = async move {
            counted.fetch_add(1, Ordering::SeqCst);
            7
        };
        second.get_with(7, load).await
    });
    leader.abort();
    assert_eq!(follower.await.expect("ends"), 7);
    assert_eq!(loads.load(Ordering::SeqCst), 2, "the load goes on now");
}
