//! What a network does to the cache: messages that are lost, doubled or late, replies that never come,
//! connections that are dead and do not say so.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dotmac_database::RedisConfig;
use dotmac_database::RedisOptions;
use dotmac_database::cache::{
    CacheClient, CacheClientOptions, CacheMode, CacheOptions, SmartCache,
};
use dotmac_database::prelude::*;
use futures_util::future::{BoxFuture, join_all};
use futures_util::{FutureExt, TryFutureExt};

use super::server::{ThrowawayRedis, connected, patient, until};
use super::support::{Order, Source, TTL, ask, orders, tenant};
use crate::fault_proxy::{Fault, FaultProxy};
use crate::support::Shop;

const NEVER: Duration = Duration::from_secs(3_600);

/// Two processes: one that invalidates, and one that hears of it through a proxy.
struct Two {
    redis: ThrowawayRedis,
    proxy: FaultProxy,
    one: CacheClient,
    two: CacheClient,
    here: SmartCache<Order>,
    there: SmartCache<Order>,
    source: Source,
}

impl Two {
    /// Where the second knows the count of acme's invalidations, and has its order 7.
    async fn start(options: impl Into<CacheClientOptions>) -> Self {
        let redis = ThrowawayRedis::start();
        let proxy = FaultProxy::start(redis.port());
        let (one, two) = (redis.client().await, through(&proxy, options).await);
        let (here, there) = (orders(&one), orders(&two));
        here.delete(tenant("acme"), 1).await.expect("removes");
        until(|| two.statistics().heard == 1).await;
        let source = Source::default();
        ask(&there, &source).await;
        until(|| two.is_idle()).await;
        Two {
            redis,
            proxy,
            one,
            two,
            here,
            there,
            source,
        }
    }

    async fn change(&self) {
        self.source.change();
        let changed = self.here.delete(tenant("acme"), 7).await;
        changed.expect("removes");
    }

    async fn is_told(&self) -> bool {
        *ask(&self.there, &self.source).await == self.source.order()
    }

    async fn until_told(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.is_told().await {
            assert!(Instant::now() < deadline, "it is not told");
            tokio::task::yield_now().await;
        }
    }
}

async fn through(proxy: &FaultProxy, options: impl Into<CacheClientOptions>) -> CacheClient {
    let config = RedisConfig::new(&format!("redis://127.0.0.1:{}", proxy.port()));
    connected(&config.expect("valid"), options).await
}

/// Nobody asks Redis for what was missed.
fn without_poll() -> CacheClientOptions {
    CacheClientOptions::from(patient()).poll(NEVER)
}

#[tokio::test(flavor = "multi_thread")]
async fn c18_a_lost_message_is_noticed_by_the_next_poll() {
    let poll = Duration::from_secs(1);
    let two = Two::start(CacheClientOptions::from(patient()).poll(poll)).await;
    two.proxy.next("k:orders:7", Fault::MessageLost);
    let begun = Instant::now();
    two.change().await;
    until(|| two.proxy.happened() == 1).await;
    let is_told = two.is_told().await;
    assert!(!is_told || two.two.statistics().missed == 1, "nothing told");
    until(|| two.two.statistics().missed == 1).await;
    assert!(two.is_told().await);
    // Without the poll it were 30 s.
    assert!(begun.elapsed() < 10 * poll, "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn c18_an_emptied_redis_is_noticed_by_the_next_poll() {
    let poll = Duration::from_millis(200);
    let two = Two::start(CacheClientOptions::from(patient()).poll(poll)).await;
    two.source.change();
    assert_eq!(two.redis.ask("FLUSHALL"), "+OK");
    two.until_told().await;
    assert_eq!(two.two.statistics().missed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn c18_a_lost_message_is_noticed_by_the_next_message() {
    let two = Two::start(without_poll()).await;
    two.proxy.next("k:orders:7", Fault::MessageLost);
    two.change().await;
    until(|| two.proxy.happened() == 1).await;
    assert!(!two.is_told().await, "nothing told");
    two.here.delete(tenant("acme"), 1).await.expect("removes");
    until(|| two.two.statistics().heard == 2).await;
    assert!(two.is_told().await);
    assert_eq!(two.two.statistics().missed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn c18_a_message_that_comes_twice_or_late_costs_no_other_value() {
    let two = Two::start(without_poll()).await;
    let acme = tenant("acme");
    for key in 100..132 {
        let source = two.source.clone();
        let loaded = two.there.get_or_load(&acme, key, move || source.load());
        loaded.await.expect("loads");
    }
    until(|| two.two.is_idle()).await;
    two.proxy.next("k:orders:7", Fault::MessageTwice);
    two.change().await;
    until(|| two.two.statistics().heard == 3).await;
    assert!(two.is_told().await);
    two.proxy.next("k:orders:7", Fault::MessageLate);
    two.change().await;
    until(|| two.proxy.happened() == 2).await;
    assert!(!two.is_told().await, "it is late");
    two.proxy.release();
    until(|| two.two.statistics().heard == 4).await;
    assert!(two.is_told().await);
    assert_eq!(two.two.statistics().missed, 0);
    let before = two.there.statistics().near_hits;
    for key in 100..132 {
        assert!(two.there.exists(&acme, key).await.expect("looks"));
    }
    let kept = two.there.statistics().near_hits - before;
    assert!(kept >= 20, "{kept}: a few share the fate of order 7");
}

#[tokio::test(flavor = "multi_thread")]
async fn c18_what_was_not_heard_while_the_connection_was_lost_is_not_used() {
    let two = Two::start(without_poll()).await;
    two.proxy.stop();
    until(|| !two.two.is_coherent()).await;
    two.change().await;
    two.proxy.go_on();
    until(|| two.two.is_coherent()).await;
    two.until_told().await;
    assert_eq!(two.two.statistics().missed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn c18_a_subscriber_that_is_killed_begins_anew() {
    let two = Two::start(without_poll()).await;
    let before = two.two.statistics().distrusted;
    let killed = two.redis.ask("CLIENT KILL TYPE pubsub");
    assert!(killed.starts_with(':') && killed != ":0", "{killed}");
    until(|| two.two.statistics().distrusted >= before + 2 && two.two.is_coherent()).await;
    two.change().await;
    two.until_told().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c18_a_subscription_that_is_dead_and_does_not_say_so_is_noticed() {
    let mut options = RedisOptions::default();
    options.connect_timeout = Duration::from_secs(1);
    let two = Two::start(CacheClientOptions::from(options).poll(NEVER)).await;
    two.proxy.half_open();
    two.change().await;
    until(|| !two.two.is_coherent()).await;
    until(|| two.two.is_coherent()).await;
    two.until_told().await;
    assert_eq!(two.two.statistics().missed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn c06_an_invalidation_whose_connection_is_lost_after_commit_is_sent_again() {
    let shop = Shop::open().await;
    let acme = tenant("acme");
    for fault in [None, Some(Fault::RequestLost), Some(Fault::ReplyLost)] {
        let two = Two::start(RedisOptions::default()).await;
        // The one behind the proxy invalidates now.
        let (here, there) = (&two.there, &two.here);
        ask(there, &two.source).await;
        let tx = shop.db.begin(&acme).expect("begins");
        let asked = here.after_commit(&tx).and_then(|it| it.delete(7));
        asked.expect("asks");
        two.source.change();
        match fault {
            Some(fault) => two.proxy.next("k:orders:7", fault),
            None => two.proxy.stop(),
        }
        tx.commit().await.expect("commits all the same");
        assert_eq!(*ask(here, &two.source).await, two.source.order(), "its own");
        two.proxy.go_on();
        let deadline = Instant::now() + Duration::from_secs(20);
        while *ask(there, &two.source).await != two.source.order() {
            assert!(Instant::now() < deadline, "{fault:?}: not sent again");
            tokio::task::yield_now().await;
        }
        assert_eq!(two.proxy.happened(), usize::from(fault.is_some()));
        until(|| two.one.is_idle() && two.two.is_idle()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_reply_is_lost_is_not_sent_again() {
    let two = Two::start(without_poll()).await;
    let count = || two.redis.lines("HGET dotmac:{acme}:t:epoch count")[1].clone();
    assert_eq!(count(), "1");
    two.proxy.next("k:orders:9", Fault::ReplyLost);
    let error = two.there.delete(tenant("acme"), 9).await;
    let error = error.expect_err("nobody knows whether it is done");
    assert_eq!(error.kind(), ErrorKind::Cache);
    assert_eq!(two.proxy.happened(), 1);
    // A driver that sends again does so before anything else on its new connection.
    until(|| two.two.is_coherent()).await;
    while !two.two.answers().await {}
    two.there.delete(tenant("acme"), 10).await.expect("removes");
    assert_eq!(count(), "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_is_never_the_error_of_a_read() {
    let two = Two::start(without_poll()).await;
    // The lease, the value.
    for (key, holding) in [(20, "v:orders:20"), (21, "dm1")] {
        two.proxy.next(holding, Fault::ReplyLost);
        let source = two.source.clone();
        let found = two
            .there
            .get_or_load(tenant("acme"), key, move || source.load());
        assert!(found.await.expect("never an error").is_some(), "{holding}");
        until(|| two.two.is_idle()).await;
    }
    assert_eq!(two.proxy.happened(), 2);
    assert_eq!(two.there.statistics().faults, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_network_delays_a_load_by_its_round_trips_only() {
    let two = Two::start(without_poll()).await;
    let one_way = Duration::from_millis(30);
    two.proxy.delay(one_way);
    let begun = Instant::now();
    let source = two.source.clone();
    let loaded = two
        .there
        .get_or_load(tenant("acme"), 30, move || source.load());
    loaded.await.expect("loads");
    let took = begun.elapsed();
    assert!(took >= 2 * one_way && took < 20 * one_way, "{took:?}");
    let shared: Arc<Order> = ask(&two.there, &two.source).await;
    assert_eq!(*shared, two.source.order());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_gives_signs_of_life_is_kept() {
    let redis = ThrowawayRedis::start();
    let client = redis.client_with(without_poll()).await;
    let signs = || {
        let info = redis.info("commandstats");
        let (_, rest) = info
            .split_once("cmdstat_ping:calls=")
            .expect("it was asked");
        let calls = rest.split(',').next().expect("a number");
        calls.parse::<u32>().expect("a number")
    };
    let (before, distrusted) = (signs(), client.statistics().distrusted);
    until(|| signs() >= before + 3).await;
    assert_eq!(client.statistics().distrusted, distrusted);
    assert!(client.is_coherent());
}

// What is read while a removal is under way may be from before it.
#[tokio::test(flavor = "multi_thread")]
async fn c18_a_removal_that_is_dropped_forgets_what_was_read_meanwhile() {
    let redis = ThrowawayRedis::start();
    let client = redis.client().await;
    let cache = orders(&client);
    let acme = tenant("acme");
    for by in 0..4 {
        let source = Source::default();
        let begin = || -> BoxFuture<'_, Result<(), Error>> {
            match by {
                0 => cache.delete(&acme, 7).map_ok(drop).boxed(),
                1 => cache.invalidate_namespace(&acme).boxed(),
                2 => client.invalidate_tenant(&acme).boxed(),
                _ => cache.expire(&acme, 7, TTL).map_ok(drop).boxed(),
            }
        };
        let mut ended = begin();
        // Redis may have answered before its answer is looked for.
        while ended.as_mut().now_or_never().is_some() {
            ended = begin();
        }
        ask(&cache, &source).await;
        until(|| client.is_idle()).await;
        drop(ended);
        client.set_mode(CacheMode::NearOnly);
        let kept = cache.exists(&acme, 7).await.expect("looks");
        assert!(!kept, "{by}");
        client.set_mode(CacheMode::On);
    }
}

// Connections of the pool overtake each other: what the process keeps is what Redis has.
#[tokio::test(flavor = "multi_thread")]
async fn c18_writes_at_the_same_time_leave_no_other_value_here_than_in_redis() {
    let redis = ThrowawayRedis::start();
    let (one, two) = (redis.client().await, redis.client().await);
    let numbers = |client| SmartCache::<u32>::new("numbers", client, CacheOptions::new(TTL));
    let (here, there) = (numbers(&one).expect("valid"), numbers(&two).expect("valid"));
    let acme = tenant("acme");
    for key in 0..200_u32 {
        let writes = (0..8_u32).map(|value| {
            let (here, acme) = (here.clone(), acme.clone());
            tokio::spawn(async move { here.set(&acme, key, value).await })
        });
        for written in join_all(writes.collect::<Vec<_>>()).await {
            written.expect("ends").expect("sets");
        }
        let (kept, stored) = (here.get(&acme, key).await, there.get(&acme, key).await);
        assert_eq!(kept.expect("looks"), stored.expect("looks"), "{key}");
    }
}
