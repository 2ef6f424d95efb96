//! Many requests, and the memory of the process on the way.

use std::time::Instant;

use crate::Outcome;
use crate::bed::{Bed, CLIENTS};
use crate::measure::{connect, crowd};
use crate::variant::Variant;

const STEP: usize = 100_000;

/// Sends so many requests, half of which write, and prints the resident memory after each step.
pub async fn run(bed: &Bed, requests: usize) -> Outcome<()> {
    let mut clients = connect(bed).await?;
    let start = Instant::now();
    println!("\n|  requests | RSS MiB | seconds |");
    println!("|----------:|--------:|--------:|");
    report(0, start)?;
    let (mut sent, mut next) = (0, STEP);
    while sent < requests {
        for variant in [Variant::ReadSession, Variant::WriteSession] {
            let latencies;
            (clients, latencies) = crowd(clients, variant, 500).await?;
            sent += latencies.len();
        }
        if sent >= next.min(requests) {
            report(sent, start)?;
            next += STEP;
        }
    }
    assert_eq!(clients.len(), CLIENTS);
    Ok(())
}

fn report(sent: usize, start: Instant) -> Outcome<()> {
    let taken = start.elapsed().as_secs_f64();
    println!(
        "| {sent:>9} | {:>7.1} | {taken:>7.0} |",
        resident()? / 1024.0
    );
    Ok(())
}

/// The resident memory in KiB, as Linux counts it.
fn resident() -> Outcome<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("the system does not tell it")?.parse()?)
}
