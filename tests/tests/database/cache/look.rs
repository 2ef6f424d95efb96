//! What a look in Redis costs, and that what it compares itself is compared as the script does.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use dotmac_database::cache::{CacheClient, CacheClientOptions, CacheOptions, Loaded, SmartCache};
use dotmac_database::{Error, RedisOptions};

use super::server::{ThrowawayRedis, patient, until};
use super::support::{Source, TTL, ask, orders, tenant};

fn numbers(client: &CacheClient) -> SmartCache<u32> {
    SmartCache::new("numbers", client, CacheOptions::new(TTL)).expect("valid")
}

/// How often a command was called, by scripts too.
fn calls(redis: &ThrowawayRedis, command: &str) -> u64 {
    let name = format!("cmdstat_{command}:calls=");
    let info = redis.info("commandstats");
    let line = info.lines().find_map(|line| line.strip_prefix(&name));
    line.map_or(0, |line| {
        let count = line.split(',').next().expect("a number");
        count.parse().expect("a number")
    })
}

/// How many reads of values a call sent: plain ones, and scripts.
async fn reads<T>(redis: &ThrowawayRedis, call: impl Future<Output = T>) -> (T, u64, u64) {
    let before = (calls(redis, "mget"), calls(redis, "evalsha"));
    let found = call.await;
    let scripts = calls(redis, "evalsha") - before.1;
    // A script that looks reads twice itself: values, and the tokens of their scopes.
    let plain = calls(redis, "mget") - before.0 - 2 * scripts;
    (found, plain, scripts)
}

/// A client that asks for nothing by itself.
async fn quiet(redis: &ThrowawayRedis) -> CacheClient {
    let options = CacheClientOptions::from(patient()).poll(Duration::from_secs(3_600));
    redis.client_with(options).await
}

/// Lets a process know the clock of Redis: for a second, it reads without a script.
async fn learn_clock(client: &CacheClient) {
    let cache = SmartCache::<u32>::new("clock", client, CacheOptions::new(TTL)).expect("valid");
    let load = || async { Ok::<_, Error>(1) };
    cache.delete(tenant("acme"), 1).await.expect("removes");
    cache
        .get_or_load(tenant("acme"), 1, load)
        .await
        .expect("loads");
    until(|| client.is_idle()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hit_in_redis_is_one_round_trip_and_mostly_a_plain_read() {
    let redis = ThrowawayRedis::start();
    let (one, two) = (quiet(&redis).await, quiet(&redis).await);
    let acme = tenant("acme");
    let filled = (0..100).map(|key| (key, key));
    numbers(&one).set_many(&acme, filled).await.expect("sets");
    let cache = numbers(&two);
    let mut plain_reads = 0;
    for key in 0..50 {
        let (found, plain, scripts) = reads(&redis, cache.get(&acme, key)).await;
        assert_eq!(found.expect("looks").as_deref(), Some(&key));
        assert_eq!(plain + scripts, 1, "{key}: {plain} and {scripts}");
        plain_reads += plain;
    }
    assert!(plain_reads > 0);
    let never = |_: Vec<u32>| async { Err::<HashMap<u32, u32>, _>(Error::Ended) };
    let many = cache.get_many(&acme, 50..100, never);
    let (found, plain, scripts) = reads(&redis, many).await;
    assert_eq!(found.expect("finds").len(), 50);
    assert_eq!(plain + scripts, 1, "{plain} and {scripts}");
    assert_eq!(cache.statistics().far_hits, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_only_the_loader_knew_is_compared_and_soon_in_one_round_trip() {
    let redis = ThrowawayRedis::start();
    let one = quiet(&redis).await;
    let acme = tenant("acme");
    let cache = numbers(&one);
    for key in 0..10 {
        let load = move || async move { Ok::<_, Error>(Loaded::value(key).tag("red")) };
        cache.get_or_load(&acme, key, load).await.expect("loads");
    }
    until(|| one.is_idle()).await;
    let two = quiet(&redis).await;
    let there = numbers(&two);
    learn_clock(&two).await;
    for key in 0..5 {
        let (found, plain, scripts) = reads(&redis, there.get(&acme, key)).await;
        assert_eq!(found.expect("looks").as_deref(), Some(&key));
        // The first one tells that there are such tags.
        assert_eq!(scripts, 1, "{key}");
        assert!(plain <= u64::from(key == 0), "{key}: {plain}");
    }
    let never = |_: Vec<u32>| async { Err::<HashMap<u32, u32>, _>(Error::Ended) };
    let many = there.get_many(&acme, 5..7, never).await.expect("finds");
    assert_eq!(many.len(), 2);
    // A process whose looks are plain, and one whose first look is.
    let three = quiet(&redis).await;
    learn_clock(&three).await;
    cache
        .invalidate_tag(&acme, "red")
        .await
        .expect("invalidates");
    for (client, key) in [(&two, 7), (&three, 8), (&three, 9)] {
        let found = numbers(client).get(&acme, key).await.expect("looks");
        assert_eq!(found, None, "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_invalidated_is_not_found_by_plain_reads() {
    let redis = ThrowawayRedis::start();
    let (one, two) = (redis.client().await, redis.client().await);
    let acme = tenant("acme");
    let options = CacheOptions::new(TTL).prefixes(1);
    let pairs = |client| SmartCache::<u32>::new("pairs", client, options.clone()).expect("valid");
    let (here, there) = (pairs(&one), pairs(&two));
    for way in 0..4 {
        let key = ("order", way);
        here.set(&acme, key, way).await.expect("sets");
        here.set(tenant("beta"), key, way).await.expect("sets");
        match way {
            0 => here.invalidate_namespace(&acme).await,
            1 => here.invalidate_prefix(&acme, "order").await,
            2 => one.invalidate_tenant(&acme).await,
            _ => here.delete(&acme, key).await.map(drop),
        }
        .expect("invalidates");
        learn_clock(&two).await;
        let never = |_| async { Ok::<_, Error>(HashMap::new()) };
        assert_eq!(there.get(&acme, key).await.expect("looks"), None, "{way}");
        let many = there.get_many(&acme, [key], never).await.expect("looks");
        assert_eq!(many.len(), 0, "{way}");
        let other = there.get(tenant("beta"), key).await.expect("looks");
        assert_eq!(other.as_deref(), Some(&way), "{way}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_ends_by_the_clock_of_redis_whatever_keeps_its_key() {
    let redis = ThrowawayRedis::start();
    let (one, two) = (redis.client().await, redis.client().await);
    let acme = tenant("acme");
    let (here, there) = (numbers(&one), numbers(&two));
    for key in 0..2 {
        let lookup = here.lookup(&acme, key).expect("a tenant");
        lookup
            .set_for(7, Duration::from_millis(300))
            .await
            .expect("sets");
        let persist = format!("PERSIST dotmac:{{acme}}:v:numbers:{key}");
        assert_eq!(redis.ask(&persist), ":1");
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    // By plain reads, as long as the clock is known, and by scripts.
    while there.find(&acme, 0).await.expect("looks").is_some() {
        assert!(Instant::now() < deadline, "it does not end");
        tokio::task::yield_now().await;
    }
    learn_clock(&two).await;
    assert_eq!(there.find(&acme, 1).await.expect("looks"), None);
    assert_eq!(there.ttl(&acme, 1).await.expect("looks"), None);
    let loads = |_: Vec<u32>| async { Ok::<_, Error>(HashMap::from([(1, 8)])) };
    let loaded = there.get_many(&acme, [1], loads).await.expect("loads");
    assert_eq!(*loaded[&1], 8);
    // A longer life is told to what is in the value as well.
    let lookup = here.lookup(&acme, 2).expect("a tenant");
    lookup
        .set_for(7, Duration::from_millis(300))
        .await
        .expect("sets");
    assert!(here.expire(&acme, 2, TTL * 2).await.expect("expires"));
    let left = there.ttl(&acme, 2).await.expect("looks").expect("is there");
    assert!(left > TTL, "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn c19_rubbish_is_a_miss_to_every_kind_of_read_and_is_counted() {
    let redis = ThrowawayRedis::start();
    let one = redis.client().await;
    let source = Source::default();
    ask(&orders(&one), &source).await;
    until(|| one.is_idle()).await;
    for rubbish in [
        "x",
        "W",
        // As another version has written it.
        "\"V\\x00\\x00dm1\"",
        "\"W\\x7f\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\"",
        "\"W\\x00\\x00\\x7f\\xff\\xff\\xff\\xff\\xff\\x00\\x00\\x00\\x02ab\"",
        "\"W\\x00\\x00\\x7f\\xff\\xff\\xff\\xff\\xff\\x00\\x00\\x00\\x00garbage\"",
        "\"W\\x00\\x00\\x7f\\xff\\xff\\xff\\xff\\xff\\x00\\x00\\x00\\x00dm1\"",
    ] {
        let set = || {
            let set = format!("SET dotmac:{{acme}}:v:orders:7 {rubbish}");
            assert_eq!(redis.ask(&set), "+OK");
        };
        set();
        let fresh = redis.client().await;
        let there = orders(&fresh);
        // By the script, and plain.
        for count in 1..3 {
            assert_eq!(there.find(tenant("acme"), 7).await.expect("looks"), None);
            assert_eq!(there.statistics().unreadable, count, "{rubbish}");
            learn_clock(&fresh).await;
        }
        let order = source.order();
        let load = |_: Vec<i32>| async { Ok::<_, Error>(HashMap::from([(7, order)])) };
        let many = there.get_many(tenant("acme"), [7], load).await;
        assert_eq!(many.expect("loads").len(), 1, "{rubbish}");
        until(|| fresh.is_idle()).await;
        let again = orders(&redis.client().await);
        ask(&again, &source).await;
        assert_eq!(again.statistics().far_hits, 1, "{rubbish} is mended");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c03_a_redis_that_hangs_is_asked_once_for_many_keys() {
    let mut redis = ThrowawayRedis::start();
    let mut options = RedisOptions::default();
    options.timeout = Duration::from_millis(100);
    options.breaker_failures = 100;
    let client = redis.client_with(options).await;
    let cache = numbers(&client);
    learn_clock(&client).await;
    redis.hang();
    let load = |keys: Vec<u32>| async move {
        Ok::<HashMap<_, _>, Error>(keys.into_iter().map(|key| (key, key)).collect())
    };
    let found = cache.get_many(tenant("acme"), 0..600, load).await;
    assert_eq!(found.expect("never an error").len(), 600);
    assert_eq!(cache.statistics().faults, 1);
    redis.go_on();
}

#[tokio::test]
async fn a_key_that_is_written_leaves_the_others_in_the_process() {
    let cache = numbers(&CacheClient::in_process());
    let acme = tenant("acme");
    for key in 0..1_000 {
        cache.set(&acme, key, key).await.expect("sets");
    }
    let mut there = 0;
    for key in 0..1_000_u32 {
        there += usize::from(cache.get(&acme, key).await.expect("looks").is_some());
    }
    assert!(there > 950, "{there}");
}
