//! What a policy costs beside the same condition in every statement, with many rows and tenants.
//!
//! ```text
//! cargo bench -p dotmac-tests --all-features --bench policy [-- <rows> <tenants> <rounds>]
//! ```
//!
//! There are two tables with the same rows and indexes: `protected` has the policy that a migration
//! installs, `open` has none. Each figure is the median of the rounds of one statement of a tenant, in
//! which all variants take turns, so that noise meets all alike. Statements run in a transaction with the
//! tenant's setting, prepared, by the login of the application. The naive policies stand on copies of
//! the table, and take fewer rounds.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark that fails panics, like a test"
)]

mod bed;
mod measure;
mod table;
mod variant;

/// The result of anything that only ends the benchmark where it fails.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Of each table.
    pub rows: u32,
    /// With the same number of rows each.
    pub tenants: u32,
    /// Of each statement.
    pub rounds: usize,
}

fn main() -> Outcome<()> {
    let size = size();
    let runtime = tokio::runtime::Runtime::new()?;
    let measured = runtime.spawn(async move {
        let bed = bed::Bed::open(size).await?;
        for group in variant::GROUPS {
            table::print(group, &measure::medians(&bed, group, size.rounds).await?);
        }
        Outcome::Ok(())
    });
    runtime.block_on(measured)?
}

/// The numbers among the arguments, or a default, which is small where `cargo test` only wants to know
/// whether the benchmark still runs.
fn size() -> Size {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (rows, tenants, rounds) = match arguments.iter().any(|it| it == "--bench") {
        true => (1_000_000, 1_000, 1_001),
        false => (2_000, 20, 3),
    };
    let mut given = arguments.iter().filter_map(|it| it.parse::<u32>().ok());
    Size {
        rows: given.next().unwrap_or(rows),
        tenants: given.next().unwrap_or(tenants),
        rounds: given.next().map_or(rounds, |it| it as usize),
    }
}
