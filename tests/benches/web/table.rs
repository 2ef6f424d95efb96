//! The result as a table.

use std::time::Duration;

use crate::bed::CLIENTS;
use crate::measure::Seen;
use crate::variant::Variant;

/// Prints medians and percentiles, and the throughput as a multiple of what is written by hand.
pub fn print(rounds: usize, mut seen: [Seen; Variant::ALL.len()]) {
    for seen in &mut seen {
        seen.throughputs.sort_unstable_by(f64::total_cmp);
        seen.latencies.sort_unstable();
    }
    let rows = || Variant::ALL.into_iter().zip(&seen);
    println!("\n{CLIENTS} clients, {rounds} rounds\n");
    println!("| variant                   | requests/s | ratio | p50 µs | p99 µs |");
    println!("|---------------------------|-----------:|------:|-------:|-------:|");
    for (variant, seen) in rows() {
        let base = rows().find(|(it, _)| *it == variant.base());
        let base = base.expect("BUG: the base is one of all").1;
        println!(
            "| {:<25} | {:>10.0} | {:>5.2} | {:>6.0} | {:>6.0} |",
            variant.name(),
            median(&seen.throughputs),
            median(&seen.throughputs) / median(&base.throughputs),
            percentile(&seen.latencies, 50),
            percentile(&seen.latencies, 99),
        );
    }
}

fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

fn percentile(sorted: &[Duration], part: usize) -> f64 {
    sorted[(sorted.len() - 1) * part / 100].as_secs_f64() * 1e6
}
