//! Redis, beside the same by fred alone.

use std::collections::HashMap;
use std::time::Duration;

use dotmac_database::cache::{CacheMode, CacheOptions, SmartCache};
use dotmac_database::{Error, RequestContext};
use fred::prelude::{Builder, ClientLike, Config, Expiration, KeysInterface};

use crate::server::{ThrowawayRedis, until};
use crate::{Order, line, median, timed};

const TTL: Duration = Duration::from_secs(3_600);
/// The keys that are read together; others are read one by one.
const MANY: std::ops::Range<i64> = 100..200;
/// From here on, keys are read or loaded.
const OTHERS: i64 = 200;

pub async fn print(rounds: usize) {
    let redis = ThrowawayRedis::start();
    let client = redis.client().await;
    // Entries end in this process at once, and each key is asked for seldom: each call asks Redis.
    let options = CacheOptions::new(TTL).near_ttl(Duration::from_millis(1));
    let cache = SmartCache::<Order>::new("orders", &client, options).expect("valid");
    let context = RequestContext::tenant("acme").expect("valid");
    let config = Config::from_url(&format!("redis://{}", redis.address())).expect("valid");
    let bare = Builder::from_config(config).build_pool(16).expect("a pool");
    bare.init().await.expect("connects");
    let bytes = rmp_serde::to_vec_named(&Order::sample()).expect("encodes");
    for key in (0..200_i64).chain(OTHERS..OTHERS + 100) {
        cache
            .set(&context, key, Order::sample())
            .await
            .expect("sets");
        let set = bare.set::<(), _, _>(format!("bare:{key}"), &bytes[..], None, None, false);
        set.await.expect("sets");
    }
    let names: Vec<String> = (0..100).map(|key| format!("bare:{key}")).collect();
    let mut samples: [Vec<Duration>; 7] = Default::default();
    for round in 0..rounds as i64 {
        let key = round % 100;
        samples[0].push(timed(cache.get(&context, key)).await);
        let load = || async { Ok::<_, Error>(Order::sample()) };
        let found = cache.get_or_load(&context, OTHERS + key, load);
        samples[6].push(timed(found).await);
        samples[1].push(timed(read(&bare, &names[key as usize])).await);
        if round % 10 == 0 {
            let none = |_: Vec<i64>| async { Ok::<_, Error>(HashMap::<i64, Order>::new()) };
            samples[2].push(timed(cache.get_many(&context, MANY, none)).await);
            samples[3].push(timed(read_many(&bare, &names)).await);
        }
        let load = || async { Ok::<_, Error>(Order::sample()) };
        let fill = async {
            let found = cache.get_or_load(&context, 1_000 + round, load).await;
            until(|| client.is_idle()).await;
            found
        };
        samples[4].push(timed(fill).await);
        let write = async {
            let bytes = rmp_serde::to_vec_named(&Order::sample()).expect("encodes");
            let name = format!("bare:{}", 1_000 + round);
            let missing = bare.get::<Option<Vec<u8>>, _>(&name).await.expect("reads");
            let expiry = Some(Expiration::EX(3_600));
            let set = bare.set::<(), _, _>(&name, &bytes[..], expiry, None, false);
            set.await.expect("sets");
            missing
        };
        samples[5].push(timed(write).await);
    }
    // A load that was overtaken by another's is answered here now and then.
    let near = cache.statistics().near_hits;
    assert!(
        near * 100 < rounds as u64,
        "calls ask Redis: {near} did not"
    );
    client.set_mode(CacheMode::On);
    let [hit, get, many, mget, fill, set, load] = samples.map(|mut it| median(&mut it));
    line("hit in Redis", hit, "GET and decoding", get);
    line("the same by get_or_load", load, "GET and decoding", get);
    line("get_many of 100", many, "MGET and decoding", mget);
    line("miss and fill", fill, "GET, encoding and SET", set);
}

async fn read(bare: &fred::clients::Pool, name: &str) -> Order {
    let bytes: Vec<u8> = bare.get(name).await.expect("reads");
    rmp_serde::from_slice(&bytes).expect("decodes")
}

async fn read_many(bare: &fred::clients::Pool, names: &[String]) -> Vec<Order> {
    let all: Vec<Vec<u8>> = bare.mget(names.to_vec()).await.expect("reads");
    all.iter()
        .map(|it| rmp_serde::from_slice(it).expect("decodes"))
        .collect()
}
