//! A hit in the process, beside a bare moka.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dotmac_database::RequestContext;
use dotmac_database::cache::{CacheClient, CacheKey, CacheOptions, KeyWriter, SmartCache};

use crate::{Order, line, median};

/// So many hits make one sample: a clock costs as much as a hit.
const HITS: u32 = 500;

pub async fn print(rounds: usize) {
    let client = CacheClient::in_process();
    let options =
        CacheOptions::new(Duration::from_secs(3_600)).near_ttl(Duration::from_secs(3_600));
    let cache = SmartCache::<Order>::new("orders", &client, options).expect("valid");
    let context = RequestContext::tenant("acme").expect("valid");
    let bare = moka::sync::Cache::<String, Arc<Order>>::builder()
        .max_capacity(10_000)
        .time_to_live(Duration::from_secs(3_600))
        .build();
    for key in 0..1_000_i64 {
        cache
            .set(&context, key, Order::sample())
            .await
            .expect("sets");
        bare.insert(format!("acme:{key}"), Arc::new(Order::sample()));
    }
    let keys: Vec<String> = (0..1_000).map(|key| format!("acme:{key}")).collect();
    let (mut ours, mut theirs, mut building) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let begun = Instant::now();
        for key in 0..i64::from(HITS) {
            std::hint::black_box(cache.get(&context, key).await.expect("looks"));
        }
        ours.push(begun.elapsed() / HITS);
        let begun = Instant::now();
        for key in keys.iter().take(HITS as usize) {
            std::hint::black_box(bare.get(key));
        }
        theirs.push(begun.elapsed() / HITS);
        let begun = Instant::now();
        for key in 0..i64::from(HITS) {
            let mut writer = KeyWriter::default();
            ("order", key).write(&mut writer);
            std::hint::black_box(&writer);
        }
        building.push(begun.elapsed() / HITS);
    }
    let (ours, theirs) = (median(&mut ours), median(&mut theirs));
    line(
        "hit in the process, key included",
        ours,
        "moka, key at hand",
        theirs,
    );
    let key = median(&mut building);
    line("key of two components", key, "moka", theirs);
}
