//! The result as a table.

use std::time::Duration;

use crate::measure::{PerVariant, Turns};
use crate::variant::Variant;

/// Prints the medians at one distance.
pub fn print(
    distance: &str,
    rounds: usize,
    round_trip: Duration,
    latencies: &PerVariant<Duration>,
    turns: &PerVariant<Turns>,
) {
    let rows = || Variant::ALL.into_iter().zip(latencies).zip(turns);
    let base = rows().find(|((variant, _), _)| *variant == Variant::BASE);
    let base = base.expect("BUG: the base is one of all").0.1;
    println!(
        "\n{distance}: medians of {rounds} rounds, SELECT 1 takes {:.0} µs\n",
        micros(round_trip)
    );
    println!(
        "| variant                            | median µs | ratio | turns waited | turns total |"
    );
    println!(
        "|------------------------------------|----------:|------:|-------------:|------------:|"
    );
    for ((variant, latency), turns) in rows() {
        println!(
            "| {:<34} | {:>9.0} | {:>5.2} | {:>12} | {:>11} |",
            variant.name(),
            micros(*latency),
            latency.div_duration_f64(*base),
            turns.waited,
            turns.total,
        );
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
