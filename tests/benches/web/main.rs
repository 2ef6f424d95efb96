//! What a request costs with a session, beside the same route written by hand, over HTTP on loopback.
//!
//! ```text
//! cargo bench -p dotmac-tests --all-features --bench web [-- <rounds>]
//! cargo bench -p dotmac-tests --all-features --bench web -- soak [<requests>]
//! ```
//!
//! 16 clients keep their connections and ask as fast as they are answered; clients, server and the pool of 10
//! connections are in one process. Variants take turns, a round each; the throughput is the median of a
//! variant's rounds, the percentiles are of all its requests. By hand means axum and SeaORM with
//! `WHERE tenant_id = …`, in a transaction of SeaORM's own (1.0) or without one; ours means the layer with
//! a tenant directory, an extractor and no WHERE. All meet the same role, policy and statement otherwise.
//!
//! The soak sends many requests through ours and reports the memory of the process on the way.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark that fails panics, like a test"
)]

mod bed;
mod client;
mod measure;
mod server;
mod soak;
mod table;
mod variant;

use bed::Bed;
use dotmac_database::testing::ThrowawayPostgres;

/// The result of anything that only ends the benchmark where it fails.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = arguments.iter().find_map(|it| it.parse().ok());
    let is_bench = arguments.iter().any(|it| it == "--bench");
    let server = ThrowawayPostgres::start()?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let bed = Bed::lay(&server).await?;
        if arguments.iter().any(|it| it == "soak") {
            return soak::run(&bed, number.unwrap_or(1_000_000)).await;
        }
        // Few where `cargo test` only wants to know whether the benchmark still runs.
        let rounds = number.unwrap_or(if is_bench { 30 } else { 1 });
        let measured = measure::rounds(&bed, rounds).await?;
        table::print(rounds, measured);
        Ok(())
    })
}
