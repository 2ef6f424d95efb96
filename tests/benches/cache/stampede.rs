//! Many callers of one key that is not there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dotmac_database::cache::{CacheOptions, SmartCache};
use dotmac_database::{Error, RequestContext};
use futures_util::future::join_all;

use crate::server::ThrowawayRedis;
use crate::{line, median, timed};

/// How long the source takes.
const LOAD: Duration = Duration::from_millis(50);

pub async fn print(callers: usize) {
    let redis = ThrowawayRedis::start();
    let client = redis.client().await;
    let options = CacheOptions::new(Duration::from_secs(3_600));
    let cache = SmartCache::<u32>::new("numbers", &client, options).expect("valid");
    let context = RequestContext::tenant("acme").expect("valid");
    let (mut all, mut one) = (Vec::new(), Vec::new());
    for round in 0..10_u32 {
        let loads = Arc::new(AtomicU32::new(0));
        let calls = (0..callers).map(|_| {
            let (cache, context, loads) = (cache.clone(), context.clone(), Arc::clone(&loads));
            tokio::spawn(async move {
                let load = move || async move {
                    loads.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(LOAD).await;
                    Ok::<_, Error>(1)
                };
                cache.get_or_load(&context, round, load).await
            })
        });
        all.push(timed(join_all(calls)).await);
        assert_eq!(loads.load(Ordering::Relaxed), 1, "one load");
        one.push(timed(tokio::time::sleep(LOAD)).await);
    }
    let what = format!("stampede of {callers}, one load");
    line(&what, median(&mut all), "the loader", median(&mut one));
}
