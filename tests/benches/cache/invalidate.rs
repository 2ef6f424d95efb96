//! Invalidation of a whole cache with few and many keys, and how soon another process knows of it.

use std::time::{Duration, Instant};

use dotmac_database::RequestContext;
use dotmac_database::cache::{CacheClient, CacheOptions, SmartCache};

use crate::server::ThrowawayRedis;
use crate::{line, median, micros, timed};

const TTL: Duration = Duration::from_secs(3_600);

pub async fn print(few: u64, many: u64) {
    let redis = ThrowawayRedis::start();
    let client = redis.client().await;
    let context = RequestContext::tenant("acme").expect("valid");
    let mut medians = Vec::new();
    for (namespace, keys) in [("few", few), ("many", many)] {
        let cache = cache(namespace, &client);
        for chunk in (0..keys).collect::<Vec<_>>().chunks(1_000) {
            let values = chunk.iter().map(|key| (*key, *key));
            cache.set_many(&context, values).await.expect("sets");
        }
        let mut samples = Vec::new();
        for _ in 0..200 {
            samples.push(timed(cache.invalidate_namespace(&context)).await);
        }
        medians.push(median(&mut samples));
    }
    let what = format!("invalidating {many} keys");
    line(&what, medians[1], &format!("{few} keys"), medians[0]);
    coherence(&redis, &client, &context).await;
}

/// How long after the invalidation returned another process goes on finding its old value.
async fn coherence(redis: &ThrowawayRedis, here: &CacheClient, context: &RequestContext) {
    let there = redis.client().await;
    let (here, there) = (cache("coherence", here), cache("coherence", &there));
    let mut samples = Vec::new();
    for round in 0..300_u64 {
        here.set(context, 1, round).await.expect("sets");
        while there.get(context, 1).await.expect("looks").as_deref() != Some(&round) {
            tokio::task::yield_now().await;
        }
        here.delete(context, 1).await.expect("removes");
        let begun = Instant::now();
        while there.get(context, 1).await.expect("looks").is_some() {
            tokio::task::yield_now().await;
        }
        samples.push(begun.elapsed());
    }
    let middle = median(&mut samples);
    let late = samples[samples.len() * 99 / 100];
    println!(
        "| invalidation seen by another process | {:.0} µs | p99 | {:.0} µs | |",
        micros(middle),
        micros(late)
    );
}

fn cache(namespace: &str, client: &CacheClient) -> SmartCache<u64> {
    SmartCache::new(namespace, client, CacheOptions::new(TTL)).expect("valid")
}
