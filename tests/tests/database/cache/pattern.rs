//! Entries are invalidated by patterns of their keys, which are compared when they are read.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use dotmac_database::cache::{CacheClient, CacheOptions, Loaded, SmartCache};
use dotmac_database::{CacheError, Error, ErrorKind};

use super::server::{ThrowawayRedis, until};
use super::support::{TTL, tenant};

fn numbers(client: &CacheClient) -> SmartCache<u32> {
    let options = CacheOptions::new(TTL).patterns();
    SmartCache::new("numbers", client, options).expect("valid")
}

const KEYS: [(&str, u32, &str); 6] = [
    ("order", 1, "draft"),
    ("order", 2, "draft"),
    ("order", 2, "sent"),
    ("orders", 1, "draft"),
    ("order:1", 1, "draft"),
    ("", 1, "*"),
];

async fn fill(client: &CacheClient) {
    let cache = numbers(client);
    for key in KEYS {
        let load = || async { Ok::<_, Error>(Loaded::value(1).tag("red")) };
        let loaded = cache.get_or_load(tenant("acme"), key, load).await;
        loaded.expect("loads");
    }
    until(|| client.is_idle()).await;
}

/// Which of the keys are there, by their place.
async fn there(client: &CacheClient) -> BTreeSet<usize> {
    let cache = numbers(client);
    let mut found = BTreeSet::new();
    for (at, key) in KEYS.into_iter().enumerate() {
        if cache.exists(tenant("acme"), key).await.expect("looks") {
            found.insert(at);
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_of_the_pattern_is_invalidated() {
    let redis = ThrowawayRedis::start();
    let (one, two) = (redis.client().await, redis.client().await);
    let all: BTreeSet<usize> = (0..KEYS.len()).collect();
    for (pattern, ended) in [
        ("order:*", &[0, 1, 2][..]),
        ("order:*:draft", &[0, 1]),
        ("*draft", &[0, 1, 3, 4]),
        ("order*", &[0, 1, 2, 3, 4]),
        ("*:1:*", &[0, 3, 4, 5]),
        ("order:2:sent", &[2]),
        ("*", &[0, 1, 2, 3, 4, 5]),
        ("o*d*r:1*t", &[0]),
        ("user:*", &[]),
        ("order:1", &[]),
    ] {
        fill(&one).await;
        assert_eq!(there(&two).await, all);
        let cache = numbers(&one);
        let ends = cache.invalidate_matching(tenant("acme"), pattern).await;
        ends.expect("invalidates");
        let left: BTreeSet<usize> = &all - &ended.iter().copied().collect();
        assert_eq!(there(&one).await, left, "{pattern}");
        // What is stored anew is newer than the pattern.
        fill(&one).await;
        assert_eq!(there(&one).await, all, "{pattern}");
        cache
            .invalidate_namespace(tenant("acme"))
            .await
            .expect("invalidates");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn patterns_of_one_tenant_are_not_anothers() {
    let redis = ThrowawayRedis::start();
    let client = redis.client().await;
    fill(&client).await;
    let cache = numbers(&client);
    cache.set(tenant("beta"), KEYS[0], 2).await.expect("sets");
    let ends = cache.invalidate_matching(tenant("beta"), "*").await;
    ends.expect("invalidates");
    assert_eq!(there(&client).await.len(), KEYS.len());
    assert!(!cache.exists(tenant("beta"), KEYS[0]).await.expect("looks"));
}

#[tokio::test(flavor = "multi_thread")]
async fn c07_what_is_loaded_while_a_pattern_comes_is_not_stored() {
    let redis = ThrowawayRedis::start();
    let (one, two) = (redis.client().await, redis.client().await);
    let (cache, other) = (numbers(&one), numbers(&two));
    let invalidated = || async move {
        other.invalidate_matching(tenant("acme"), "order:*").await?;
        Ok::<_, Error>(1)
    };
    let loaded = cache
        .get_or_load(tenant("acme"), KEYS[0], invalidated)
        .await;
    assert_eq!(loaded.expect("loads").as_deref(), Some(&1));
    until(|| one.is_idle()).await;
    assert_eq!(cache.statistics().overtaken, 1);
    let fresh = redis.client().await;
    assert!(there(&fresh).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn c17_more_patterns_than_can_be_compared_are_an_error() {
    let redis = ThrowawayRedis::start();
    let client = redis.client().await;
    let (cache, acme) = (numbers(&client), tenant("acme"));
    cache
        .invalidate_matching(&acme, "no:entry")
        .await
        .expect("nothing to remember");
    fill(&client).await;
    for at in 0..64 {
        let pattern = format!("user:{at}:*");
        cache
            .invalidate_matching(&acme, &pattern)
            .await
            .expect("invalidates");
    }
    assert_eq!(there(&client).await.len(), KEYS.len());
    let error = cache.invalidate_matching(&acme, "order:*").await;
    let error = error.expect_err("one too many");
    assert!(
        matches!(
            error,
            Error::Cache(CacheError::TooManyPatterns { most: 64, .. })
        ),
        "{error}"
    );
    cache
        .invalidate_namespace(&acme)
        .await
        .expect("invalidates");
    fill(&client).await;
    cache
        .invalidate_matching(&acme, "order:*")
        .await
        .expect("there is room again");
    assert_eq!(there(&client).await.len(), KEYS.len() - 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pattern_is_forgotten_when_what_is_older_has_ended() {
    let redis = ThrowawayRedis::start();
    let client = redis.client().await;
    let (cache, acme) = (numbers(&client), tenant("acme"));
    let short = cache.lookup(&acme, 1).expect("a tenant");
    let short = short.set_for(1, Duration::from_secs(1)).await;
    short.expect("sets");
    for _ in 0..60 {
        let matched = cache.invalidate_matching(&acme, "x*").await;
        matched.expect("room");
    }
    // Four that are kept for a minute. The others end with what is older than they are.
    cache.set(&acme, 2, 1).await.expect("sets");
    let deadline = Instant::now() + Duration::from_secs(10);
    for _ in 0..10 {
        while cache.invalidate_matching(&acme, "x*").await.is_err() {
            assert!(Instant::now() < deadline, "no room");
        }
    }
    assert!(cache.exists(&acme, 2).await.expect("looks"));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_patterns_are_lost_what_is_older_is_not_used() {
    let redis = ThrowawayRedis::start();
    let client = redis.client().await;
    fill(&client).await;
    let cache = numbers(&client);
    let matched = cache.invalidate_matching(tenant("acme"), "user:*").await;
    matched.expect("invalidates");
    assert_eq!(there(&client).await.len(), KEYS.len());
    assert_eq!(redis.ask("DEL dotmac:{acme}:t:q:numbers"), ":1");
    let fresh = redis.client().await;
    assert!(there(&fresh).await.is_empty(), "nobody can tell");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_without_patterns_and_a_pattern_without_text_are_refused() {
    let client = CacheClient::in_process();
    let plain = SmartCache::<u32>::new("plain", &client, CacheOptions::new(TTL)).expect("valid");
    for refused in [
        plain.invalidate_matching(tenant("acme"), "order:*").await,
        numbers(&client)
            .invalidate_matching(tenant("acme"), "")
            .await,
    ] {
        assert_eq!(refused.expect_err("refused").kind(), ErrorKind::Config);
    }
    fill(&client).await;
    let cache = numbers(&client);
    cache
        .invalidate_matching(tenant("acme"), "order:*")
        .await
        .expect("invalidates");
    assert!(
        there(&client).await.is_empty(),
        "without Redis, all of the cache"
    );
}
