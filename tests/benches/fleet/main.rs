//! What work on the schemas of many tenants costs.
//!
//! ```text
//! cargo bench -p dotmac-tests --all-features --bench fleet
//! ```
//!
//! Figures are medians; what is compared takes turns, so that noise meets all alike.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark that fails panics, like a test"
)]

mod clone;

use std::time::Duration;

/// The result of anything that only ends the benchmark where it fails.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let rounds = match std::env::args().any(|it| it == "--bench") {
        true => 11,
        // `cargo test` only wants to know whether the benchmark still runs.
        false => 1,
    };
    let runtime = tokio::runtime::Runtime::new()?;
    let measured = runtime.spawn(async move { clone::print(rounds).await });
    runtime.block_on(measured)?
}

/// The one in the middle.
pub fn median(mut samples: Vec<Duration>) -> Duration {
    samples.sort_unstable();
    samples[samples.len() / 2]
}
