//! The memory of an entry in the process, beside a bare moka.

use std::sync::Arc;

use dotmac_database::RequestContext;
use dotmac_database::cache::{CacheClient, CacheOptions, SmartCache};

use crate::near::{TTL, bare};

pub async fn print(entries: u64) {
    let client = CacheClient::in_process();
    let options = CacheOptions::new(TTL)
        .near_entries(2 * entries)
        .near_bytes(1 << 40);
    let cache = SmartCache::<u64>::new("numbers", &client, options).expect("valid");
    let context = RequestContext::tenant("acme").expect("valid");
    let before = resident();
    for key in 0..entries {
        cache
            .set(&context, ("order", key), key)
            .await
            .expect("sets");
    }
    assert_eq!(cache.statistics().near_entries, entries);
    // What was needed for the first is not free for the second: both are kept to the end.
    let ours = resident() - before;
    let moka = bare::<u64>(2 * entries);
    let before = resident();
    for key in 0..entries {
        moka.insert(format!("acme:order:{key}"), Arc::new(key));
    }
    moka.run_pending_tasks();
    assert_eq!(moka.entry_count(), entries);
    let theirs = resident() - before;
    println!(
        "| memory of an entry (a number), of {entries} | {} B | moka | {} B | {:.2} |",
        ours / entries,
        theirs / entries,
        ours as f64 / theirs as f64
    );
}

/// The bytes of this process that are in memory.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = statm.split_whitespace().nth(1).expect("a field");
    pages.parse::<u64>().expect("a number") * 4096
}
