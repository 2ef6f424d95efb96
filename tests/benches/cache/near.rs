//! A hit in the process, beside a bare moka.

use std::sync::Arc;
use std::time::Duration;

use dotmac_database::cache::{CacheClient, CacheKey, CacheOptions, KeyWriter, SmartCache};
use dotmac_database::{Error, RequestContext};

use crate::{Order, line, median, timed};

/// So many hits make one sample: a clock costs as much as a hit.
const HITS: u32 = 500;

pub const TTL: Duration = Duration::from_secs(3_600);

/// A moka as a program would use it for itself.
pub fn bare<V: Send + Sync + 'static>(entries: u64) -> moka::sync::Cache<String, Arc<V>> {
    moka::sync::Cache::builder()
        .max_capacity(entries)
        .time_to_live(TTL)
        .build()
}

pub async fn print(rounds: usize) {
    let client = CacheClient::in_process();
    let options = CacheOptions::new(TTL).near_ttl(TTL);
    let cache = SmartCache::<Order>::new("orders", &client, options).expect("valid");
    let context = RequestContext::tenant("acme").expect("valid");
    let bare = bare(10_000);
    let hasher = ahash::RandomState::new();
    let alike = moka::sync::Cache::<Box<[u8]>, Arc<Order>, _>::builder()
        .max_capacity(64 << 20)
        .weigher(|_, _| 300)
        .time_to_live(TTL)
        .eviction_listener(|_, _, _| {})
        .build_with_hasher(hasher);
    let names: Vec<String> = (0..1_000).map(|key| format!("acme:{key}")).collect();
    for (key, name) in (0..).zip(&names) {
        let load = || async { Ok::<_, Error>(Order::sample()) };
        let loaded = cache.get_or_load(&context, key, load).await;
        loaded.expect("loads");
        bare.insert(name.clone(), Arc::new(Order::sample()));
        alike.insert(name.as_bytes().into(), Arc::new(Order::sample()));
    }
    let asked = &names[..HITS as usize];
    let numbers = 0..i64::from(HITS);
    let get = async || {
        for key in numbers.clone() {
            let found = cache.get(&context, key).await.expect("looks");
            std::hint::black_box(found.expect("is there"));
        }
    };
    let get_or_load = async || {
        for key in numbers.clone() {
            let load = || async { Ok::<_, Error>(Order::sample()) };
            let found = cache.get_or_load(&context, key, load).await;
            std::hint::black_box(found.expect("looks"));
        }
    };
    let plain = async || {
        for name in asked {
            std::hint::black_box(bare.get(name).expect("is there"));
        }
    };
    let alike = async || {
        for name in asked {
            std::hint::black_box(alike.get(name.as_bytes()).expect("is there"));
        }
    };
    let build = async || {
        for key in numbers.clone() {
            let mut writer = KeyWriter::default();
            ("order", key).write(&mut writer);
            std::hint::black_box(&writer);
        }
    };
    let mut samples: [Vec<Duration>; 5] = Default::default();
    for _ in 0..rounds {
        samples[0].push(each(&get).await);
        samples[1].push(each(&get_or_load).await);
        samples[2].push(each(&plain).await);
        samples[3].push(each(&alike).await);
        samples[4].push(each(&build).await);
    }
    let statistics = cache.statistics();
    let hits = 4 * u64::from(HITS) * rounds as u64;
    assert_eq!((statistics.near_hits, statistics.misses), (hits, 1_000));
    let [hit, load, bare, alike, key] = samples.map(|mut it| median(&mut it));
    let what = "hit in the process, key included";
    line(what, hit, "moka, key at hand", bare);
    line(what, hit, "moka with our hasher and bounds", alike);
    line("the same by get_or_load", load, "moka, key at hand", bare);
    line("key of two components", key, "moka", bare);
}

/// How long one of the hits takes, once what they touch is near the processor.
async fn each(hits: impl AsyncFn()) -> Duration {
    hits().await;
    timed(hits()).await / HITS
}
