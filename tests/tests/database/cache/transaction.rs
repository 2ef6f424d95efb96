//! Invalidations of a unit of work take effect with its COMMIT, or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dotmac_database::cache::{CacheClient, CacheOptions, SmartCache};
use dotmac_database::prelude::*;
use dotmac_database::{Global, RedisOptions};
use sea_orm::ConnectionTrait;

use super::server::{ThrowawayRedis, until};
use super::support::{Source, TTL, ask, orders, tenant};
use crate::lost_commit::losing_commits;
use crate::support::{Shop, kind};

/// Ways to end a unit of work.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Commit,
    Rollback,
    Drop,
    NestedRollback,
    SavepointUndone,
}

#[tokio::test(flavor = "multi_thread")]
async fn c08_only_a_commit_invalidates() {
    let shop = Shop::open().await;
    let redis = ThrowawayRedis::start();
    for client in [redis.client().await, CacheClient::in_process()] {
        for by in 0..4 {
            for end in [
                End::Commit,
                End::Rollback,
                End::Drop,
                End::NestedRollback,
                End::SavepointUndone,
            ] {
                let options = CacheOptions::new(TTL).patterns();
                let cache = SmartCache::new("orders", &client, options).expect("valid");
                let source = Source::default();
                let before = ask(&cache, &source).await;
                until(|| client.is_idle()).await;
                source.change();
                let tx = shop.db.begin(&tenant("acme")).expect("begins");
                let invalidate = |tx: &Session| match by {
                    0 => cache.after_commit(tx).and_then(|it| it.delete(7)),
                    1 => cache
                        .after_commit(tx)
                        .and_then(|it| it.invalidate_namespace()),
                    2 => cache
                        .after_commit(tx)
                        .and_then(|it| it.invalidate_matching("7*")),
                    _ => client
                        .after_commit(tx)
                        .and_then(|it| it.invalidate_tenant()),
                };
                match end {
                    End::NestedRollback => {
                        let nested = tx.nested().expect("nests");
                        invalidate(&nested).expect("asks");
                        nested.rollback().await.expect("rolls back");
                    }
                    End::SavepointUndone => {
                        tx.savepoint("a").expect("saves");
                        invalidate(&tx).expect("asks");
                        tx.roll_back_to("a").expect("rolls back");
                    }
                    _ => invalidate(&tx).expect("asks"),
                }
                assert_eq!(ask(&cache, &source).await, before, "{end:?}: not yet");
                match end {
                    End::Rollback => tx.rollback().await.expect("rolls back"),
                    End::Drop => drop(tx),
                    _ => tx.commit().await.expect("commits"),
                }
                let now = ask(&cache, &source).await;
                assert_eq!(
                    now.version,
                    u64::from(end == End::Commit),
                    "{end:?} by {by}"
                );
                client
                    .invalidate_tenant(tenant("acme"))
                    .await
                    .expect("invalidates");
            }
        }
    }
}

// It may be committed: an old value would be wrong, and one that is loaded again is not.
#[tokio::test(flavor = "multi_thread")]
async fn c08_a_commit_of_unknown_outcome_invalidates_and_does_nothing_else() {
    let shop = Shop::open().await;
    let db = losing_commits(&shop).await;
    let client = CacheClient::in_process();
    let cache = orders(&client);
    let source = Source::default();
    ask(&cache, &source).await;
    source.change();
    let tx = db.begin(&tenant("acme")).expect("begins");
    tx.execute_unprepared("SELECT 1").await.expect("is sent");
    let asked = cache.after_commit(&tx).and_then(|it| it.delete(7));
    asked.expect("asks");
    let did_more = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&did_more);
    tx.after_commit(move || async move { noted.store(true, Ordering::SeqCst) })
        .expect("asks");
    let error = tx.commit().await.expect_err("is not known");
    assert_eq!(error.kind(), ErrorKind::CommitUnknown);
    assert_eq!(*ask(&cache, &source).await, source.order());
    assert!(!did_more.load(Ordering::SeqCst));
}

const KEYS: [(&str, u32); 4] = [("order", 1), ("order", 2), ("user", 1), ("user", 2)];

fn numbers(client: &CacheClient) -> SmartCache<u32> {
    let options = CacheOptions::new(TTL).patterns().prefixes(1);
    SmartCache::new("numbers", client, options).expect("valid")
}

/// Which of the keys another process finds.
async fn there(redis: &ThrowawayRedis) -> Vec<(&'static str, u32)> {
    let cache = numbers(&redis.client().await);
    let mut found = Vec::new();
    for key in KEYS {
        if cache.exists(tenant("acme"), key).await.expect("looks") {
            found.push(key);
        }
    }
    found
}

async fn fill(cache: &SmartCache<u32>) {
    for key in KEYS {
        cache.set(tenant("acme"), key, 1).await.expect("sets");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c08_a_pattern_and_a_prefix_end_what_is_theirs_with_the_commit() {
    let shop = Shop::open().await;
    let redis = ThrowawayRedis::start();
    let cache = numbers(&redis.client().await);
    fill(&cache).await;
    let tx = shop.db.begin(&tenant("acme")).expect("begins");
    let after = cache.after_commit(&tx).expect("a tenant");
    after.invalidate_matching("*:1").expect("asks");
    tx.savepoint("undone").expect("saves");
    after.invalidate_matching("*").expect("asks");
    after.invalidate_prefix("order").expect("asks");
    tx.roll_back_to("undone").expect("rolls back");
    assert_eq!(there(&redis).await, KEYS, "not yet");
    tx.commit().await.expect("commits");
    assert_eq!(there(&redis).await, [("order", 2), ("user", 2)]);
    let tx = shop.db.begin(&tenant("acme")).expect("begins");
    let after = cache.after_commit(&tx).expect("a tenant");
    after.invalidate_prefix("user").expect("asks");
    tx.commit().await.expect("commits");
    assert_eq!(there(&redis).await, [("order", 2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pattern_for_which_there_is_no_room_after_the_commit_ends_the_whole_cache() {
    let shop = Shop::open().await;
    let redis = ThrowawayRedis::start();
    let cache = numbers(&redis.client().await);
    fill(&cache).await;
    for at in 0..64 {
        let pattern = format!("no:{at}");
        let matched = cache.invalidate_matching(tenant("acme"), &pattern).await;
        matched.expect("there is room");
    }
    assert_eq!(there(&redis).await, KEYS);
    let tx = shop.db.begin(&tenant("acme")).expect("begins");
    let after = cache.after_commit(&tx).expect("a tenant");
    after.invalidate_matching("order:1").expect("asks");
    tx.commit().await.expect("commits");
    assert!(there(&redis).await.is_empty());
}

#[tokio::test]
async fn a_pattern_that_cannot_be_used_is_refused_before_the_commit() {
    let shop = Shop::open().await;
    let client = CacheClient::in_process();
    let tx = shop.db.begin(&tenant("acme")).expect("begins");
    let plain = orders(&client);
    let refused = [
        plain
            .after_commit(&tx)
            .and_then(|it| it.invalidate_matching("7*")),
        plain
            .after_commit(&tx)
            .and_then(|it| it.invalidate_prefix(7)),
        numbers(&client)
            .after_commit(&tx)
            .and_then(|it| it.invalidate_matching("")),
    ];
    for refused in refused {
        assert_eq!(kind(refused), ErrorKind::Config);
    }
    tx.commit().await.expect("commits");
}

#[tokio::test(flavor = "multi_thread")]
async fn c06_an_invalidation_that_does_not_reach_redis_is_sent_again() {
    let shop = Shop::open().await;
    let mut redis = ThrowawayRedis::start();
    let hasty = redis.client_with(RedisOptions::default()).await;
    let (one, two) = (hasty, redis.client().await);
    let (here, there) = (orders(&one), orders(&two));
    let source = Source::default();
    ask(&here, &source).await;
    until(|| one.is_idle()).await;
    ask(&there, &source).await;
    source.change();
    let tx = shop.db.begin(&tenant("acme")).expect("begins");
    here.after_commit(&tx)
        .expect("a tenant")
        .delete(7)
        .expect("asks");
    redis.hang();
    tx.commit().await.expect("commits all the same");
    assert!(here.statistics().faults > 0);
    redis.go_on();
    until(|| one.is_idle()).await;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while *ask(&there, &source).await != source.order() {
        assert!(
            std::time::Instant::now() < deadline,
            "it was not sent again"
        );
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c08_a_session_of_no_tenant_invalidates_for_those_that_it_names() {
    let shop = Shop::open().await;
    let client = CacheClient::in_process();
    let cache = orders(&client);
    let rates = SmartCache::<u32, Global>::global("rates", &client, CacheOptions::new(TTL));
    let rates = rates.expect("valid");
    let order = Source::default().order();
    for id in ["acme", "beta"] {
        cache.set(tenant(id), 7, order.clone()).await.expect("sets");
        cache.set(tenant(id), 8, order.clone()).await.expect("sets");
    }
    for key in ["EUR", "USD"] {
        rates.set(Global, key, 1).await.expect("sets");
    }
    let nobody = RequestContext::without_tenant();
    let work = shop.db.write(&nobody, async |tx| {
        assert_eq!(
            kind(cache.after_commit(tx).map(drop)),
            ErrorKind::MissingTenant
        );
        cache.after_commit_for(tenant("acme"), tx)?.delete(7)?;
        rates.after_commit_for(Global, tx)?.delete("EUR")?;
        Ok::<_, Error>(())
    });
    work.await.expect("commits");
    for (id, key, is_there) in [("acme", 7, false), ("acme", 8, true), ("beta", 7, true)] {
        let found = cache.exists(tenant(id), key).await.expect("looks");
        assert_eq!(found, is_there, "{id} {key}");
    }
    assert!(!rates.exists(Global, "EUR").await.expect("looks"));
    assert!(rates.exists(Global, "USD").await.expect("looks"));
}
