//! What work on the schemas of many tenants costs: copies of a template, making tenants, a run with nothing to
//! do, and one column over all; and sessions on many databases.
//!
//! ```text
//! cargo bench -p dotmac-tests --all-features --bench fleet [-- <schemas> <tables>]
//! ```
//!
//! By default 1,000 schemas of 10 tables. With 10,000, mind the disk: it tells how much a schema takes. Figures of
//! copies are medians; what is compared takes turns, so that noise meets all alike.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark that fails panics, like a test"
)]

mod clone;
mod databases;
mod run;

use std::time::Duration;

/// The result of anything that only ends the benchmark where it fails.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (rounds, default, routed) = match arguments.iter().any(|it| it == "--bench") {
        true => (11, (1_000, 10), (200, 20, 1_600)),
        // `cargo test` only wants to know whether the benchmark still runs.
        false => (1, (6, 2), (2, 2, 16)),
    };
    let mut given = arguments.iter().filter_map(|it| it.parse::<usize>().ok());
    let schemas = given.next().unwrap_or(default.0);
    let tables = given.next().unwrap_or(default.1);
    let runtime = tokio::runtime::Runtime::new()?;
    let measured = runtime.spawn(async move { clone::print(rounds).await });
    runtime.block_on(measured)??;
    runtime.block_on(run::measure(schemas, tables))?;
    let (databases, pools, sessions) = routed;
    runtime.block_on(databases::print(databases, pools, sessions))
}

/// The one in the middle.
pub fn median(mut samples: Vec<Duration>) -> Duration {
    samples.sort_unstable();
    samples[samples.len() / 2]
}
