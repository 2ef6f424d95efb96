//! What a session costs beside SeaORM's own transactions, on loopback and at a distance.
//!
//! ```text
//! cargo bench -p dotmac-tests --all-features --bench session [-- <rounds on loopback> <rounds delayed>]
//! ```
//!
//! Everything is the same in all variants but the session: the statement, the role and its policy,
//! the pool and its one connection. A transaction without context finds the row because the role has
//! a tenant by default here. The pool is that of `Database`; SeaORM's own asks for a sign of life
//! before each use too, which is another round trip.
//!
//! A figure is the median of operations that take turns with those of all other variants, so that
//! noise meets all alike. An operation starts when the previous one has given its connection back.
//! "Waited" are the round trips that the caller waits for, "total" includes those in the background
//! (sqlx asks each connection for a sign of life on its way into the pool). Both are counted by a
//! proxy, which also makes the distance.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark that fails panics, like a test"
)]

mod measure;
mod proxy;
mod setup;
mod table;
mod variant;

use std::time::Duration;

use dotmac_database::prelude::Uuid;
use proxy::Proxy;
use setup::{Bed, Server};

const ONE_WAY: Duration = Duration::from_micros(500);

/// The result of anything that only ends the benchmark where it fails.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let [loopback, delayed] = rounds();
    let server = Server::start()?;
    let runtime = tokio::runtime::Runtime::new()?;
    // A task, because a program's sessions run in tasks: `block_on` itself is woken more slowly.
    let measured = runtime.spawn(async move {
        let order = server.fill().await?;
        compare(&server, order, loopback, delayed).await
    });
    runtime.block_on(measured)?
}

/// How often each variant is measured: the numbers among the arguments, or a default, which is few
/// where `cargo test` only wants to know whether the benchmark still runs.
fn rounds() -> [usize; 2] {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [loopback, delayed] = match arguments.iter().any(|it| it == "--bench") {
        true => [3000, 600],
        false => [10, 10],
    };
    let mut given = arguments.iter().filter_map(|it| it.parse().ok());
    [
        given.next().unwrap_or(loopback),
        given.next().unwrap_or(delayed),
    ]
}

async fn compare(server: &Server, order: Uuid, loopback: usize, delayed: usize) -> Outcome<()> {
    let proxy = Proxy::start(server.port(), ONE_WAY)?;
    let far = Bed::open(server, proxy.port(), order).await?;
    let turns = measure::turns(&far, &proxy).await?;

    let near = Bed::open(server, server.port(), order).await?;
    let round_trip = measure::round_trip(&near).await?;
    let latencies = measure::latencies(&near, loopback).await?;
    table::print("loopback", loopback, round_trip, &latencies, &turns);

    let round_trip = measure::round_trip(&far).await?;
    let latencies = measure::latencies(&far, delayed).await?;
    table::print("delayed", delayed, round_trip, &latencies, &turns);
    Ok(())
}
