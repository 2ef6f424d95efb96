//! What pages, bulk inserts and batches cost with many rows.
//!
//! ```text
//! cargo bench -p dotmac-tests --all-features --bench data [-- <rows of the table> <rows of an insert>]
//! ```
//!
//! The table is that of orders, with its policies, triggers and indexes, and one more on the tenant,
//! the time and the key. One tenant has all the rows but a fifth, which another one has, by turns.
//! Figures are medians; what is compared takes turns, so that noise meets all alike.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark that fails panics, like a test"
)]

mod batch;
mod bulk;
mod page;
#[path = "../session/setup.rs"]
#[allow(dead_code, reason = "the benchmark of sessions uses the rest")]
mod setup;
mod table;

use std::time::Duration;

use setup::{Bed, Server};

/// The result of anything that only ends the benchmark where it fails.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let [table, insert] = rows();
    let server = Server::start()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let measured = runtime.spawn(async move {
        let order = server.fill().await?;
        table::fill(&server, table).await?;
        let bed = Bed::open(&server, server.port(), order).await?;
        page::print(&bed).await?;
        batch::print(&bed).await?;
        bulk::print(&server, &bed, insert).await
    });
    runtime.block_on(measured)?
}

/// The numbers among the arguments, or a default, which is small where `cargo test` only wants to know
/// whether the benchmark still runs.
fn rows() -> [u32; 2] {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [table, insert] = match arguments.iter().any(|it| it == "--bench") {
        true => [1_000_000, 100_000],
        false => [1_000, 100],
    };
    let mut given = arguments.iter().filter_map(|it| it.parse().ok());
    [
        given.next().unwrap_or(table),
        given.next().unwrap_or(insert),
    ]
}

/// The one in the middle.
pub fn median(mut samples: Vec<Duration>) -> Duration {
    samples.sort_unstable();
    samples[samples.len() / 2]
}
