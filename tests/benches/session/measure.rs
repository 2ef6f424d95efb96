//! Medians of latencies and of round trips.

use std::time::{Duration, Instant};

use crate::Outcome;
use crate::proxy::Proxy;
use crate::setup::Bed;
use crate::variant::Variant;

/// More than the five runs after which PostgreSQL may settle for a generic plan.
const WARM_UP: usize = 50;
const COUNTED: usize = 50;
const PINGS: usize = 200;

/// One value for each of `Variant::ALL`.
pub type PerVariant<T> = [T; Variant::ALL.len()];

/// Round trips of an operation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Turns {
    /// Answered before the caller went on.
    pub waited: usize,
    /// Those, and the ones in the background.
    pub total: usize,
}

/// Counts the round trips of each variant, alone.
pub async fn turns(bed: &Bed, proxy: &Proxy) -> Outcome<PerVariant<Turns>> {
    let mut turns = [Turns::default(); Variant::ALL.len()];
    for (turns, variant) in turns.iter_mut().zip(Variant::ALL) {
        let (mut waited, mut total) = (Vec::new(), Vec::new());
        for _ in 0..WARM_UP + COUNTED {
            bed.settle().await;
            let (answered, asked) = (proxy.answered(), proxy.asked());
            variant.run(bed).await?;
            waited.push(proxy.answered() - answered);
            bed.settle().await;
            total.push(proxy.asked() - asked);
        }
        turns.waited = median(waited.split_off(WARM_UP));
        turns.total = median(total.split_off(WARM_UP));
    }
    Ok(turns)
}

/// Measures each variant in turn, `rounds` times; each time it has run just before, unmeasured, so
/// that none depends on which came before it.
pub async fn latencies(bed: &Bed, rounds: usize) -> Outcome<PerVariant<Duration>> {
    let mut samples: PerVariant<Vec<Duration>> = Default::default();
    for _ in 0..WARM_UP + rounds {
        for (samples, variant) in samples.iter_mut().zip(Variant::ALL) {
            variant.run(bed).await?;
            bed.settle().await;
            let start = Instant::now();
            variant.run(bed).await?;
            samples.push(start.elapsed());
            bed.settle().await;
        }
    }
    Ok(samples.map(|mut samples| median(samples.split_off(WARM_UP))))
}

/// The time of a `SELECT 1` by the simple protocol.
pub async fn round_trip(bed: &Bed) -> Outcome<Duration> {
    let mut connection = bed.plain.get_postgres_connection_pool().acquire().await?;
    let mut samples = Vec::new();
    for _ in 0..PINGS {
        let start = Instant::now();
        sqlx::raw_sql("SELECT 1").execute(&mut *connection).await?;
        samples.push(start.elapsed());
    }
    Ok(median(samples))
}

fn median<T: Copy + Ord>(mut samples: Vec<T>) -> T {
    samples.sort_unstable();
    samples[samples.len() / 2]
}
