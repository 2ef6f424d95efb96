//! What the cache costs beside what it is built on.
//!
//! ```text
//! cargo bench -p dotmac-tests --all-features --bench cache [-- [<parts>] [<keys of the large invalidation>]]
//! ```
//!
//! The parts are `memory`, `near`, `far`, `invalidate` and `stampede`; all, where none is named. Figures are
//! medians; what is compared takes turns, so that noise meets all alike. It needs `redis-server`, of which it
//! starts its own.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark that fails panics, like a test"
)]

mod far;
mod invalidate;
mod memory;
mod near;
#[path = "../../tests/database/cache/server.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod server;
mod stampede;

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// What can be asked for alone.
const PARTS: [&str; 5] = ["memory", "near", "far", "invalidate", "stampede"];

/// A value of a dozen fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    id: String,
    tenant_id: String,
    number: String,
    customer: String,
    city: String,
    total_cents: i64,
    tax_cents: i64,
    lines: Vec<u32>,
    note: Option<String>,
    created_at: String,
    updated_at: String,
    version: i32,
}

impl Order {
    /// One of them.
    pub fn sample() -> Self {
        Order {
            id: "0192f0c1-2f5e-7cc3-98c4-dc0c0c07398f".to_owned(),
            tenant_id: "acme".to_owned(),
            number: "A-1000".to_owned(),
            customer: "Someone in particular".to_owned(),
            city: "Some City".to_owned(),
            total_cents: 99_000,
            tax_cents: 18_810,
            lines: vec![1, 2, 3, 4],
            note: None,
            created_at: "2026-01-01T00:00:00Z".to_owned(),
            updated_at: "2026-01-01T00:00:00Z".to_owned(),
            version: 3,
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Small where `cargo test` only wants to know whether the benchmark still runs.
    let is_bench = arguments.iter().any(|it| it == "--bench");
    let large = arguments.iter().find_map(|it| it.parse().ok());
    let large = large.unwrap_or(if is_bench { 1_000_000 } else { 2_000 });
    let rounds = if is_bench { 2_000 } else { 5 };
    let is_asked = |part: &str| {
        let mut parts = arguments.iter().filter(|it| PARTS.contains(&it.as_str()));
        parts.clone().next().is_none() || parts.any(|it| it == part)
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async move {
        println!("| what | median | beside | median | ratio |\n|---|--:|---|--:|--:|");
        // First: it sees how the memory of the process grows.
        if is_asked("memory") {
            memory::print(if is_bench { 200_000 } else { 1_000 }).await;
        }
        if is_asked("near") {
            near::print(rounds).await;
        }
        if is_asked("far") {
            far::print(rounds).await;
        }
        if is_asked("invalidate") {
            invalidate::print(1_000.min(large), large).await;
        }
        if is_asked("stampede") {
            stampede::print(if is_bench { 10_000 } else { 10 }).await;
        }
    });
}

/// A line of the table.
pub fn line(what: &str, ours: Duration, beside: &str, theirs: Duration) {
    println!(
        "| {what} | {:.2} µs | {beside} | {:.2} µs | {:.2} |",
        micros(ours),
        micros(theirs),
        ours.div_duration_f64(theirs)
    );
}

/// In microseconds.
pub fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// How long something takes.
pub async fn timed<T>(work: impl Future<Output = T>) -> Duration {
    let begun = Instant::now();
    std::hint::black_box(work.await);
    begun.elapsed()
}

/// The one in the middle.
pub fn median(samples: &mut [Duration]) -> Duration {
    samples.sort_unstable();
    samples[samples.len() / 2]
}
