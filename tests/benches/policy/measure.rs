//! Medians of statements that take turns.

use std::time::Duration;

use crate::Outcome;
use crate::bed::Bed;
use crate::variant::Group;

/// More than the five runs after which PostgreSQL may settle for a generic plan.
const WARM_UP: usize = 20;

/// The median of each variant of the group.
pub async fn medians(bed: &Bed, group: &Group, rounds: usize) -> Outcome<Vec<Duration>> {
    let mut samples = vec![Vec::new(); group.variants.len()];
    for round in 0..WARM_UP + rounds {
        for (samples, variant) in samples.iter_mut().zip(group.variants) {
            let is_warm_up = round < WARM_UP && variant.every == 1;
            if is_warm_up {
                bed.run(variant, round).await?;
            } else if round >= WARM_UP && (round - WARM_UP) % variant.every == 0 {
                samples.push(bed.run(variant, round).await?);
            }
        }
    }
    Ok(samples.into_iter().map(median).collect())
}

fn median(mut samples: Vec<Duration>) -> Duration {
    samples.sort_unstable();
    samples[samples.len() / 2]
}
