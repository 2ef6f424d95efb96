//! Medians of statements that take turns.

use std::time::Duration;

use crate::Outcome;
use crate::bed::Bed;
use crate::variant::Group;

/// More than the five runs after which PostgreSQL may settle for a generic plan.
const WARM_UP: usize = 20;

/// The median of each variant of the group.
///
/// A statement has run just before it is measured, unmeasured, so that none depends on which came before
/// it and had the caches.
pub async fn medians(bed: &Bed, group: &Group, rounds: usize) -> Outcome<Vec<Duration>> {
    let mut samples = vec![Vec::new(); group.variants.len()];
    for round in 0..WARM_UP + rounds {
        for (samples, variant) in samples.iter_mut().zip(group.variants) {
            if round % variant.every != 0 {
                continue;
            }
            bed.run(variant, round).await?;
            let elapsed = bed.run(variant, round).await?;
            if round >= WARM_UP || variant.every > WARM_UP {
                samples.push(elapsed);
            }
        }
    }
    Ok(samples.into_iter().map(median).collect())
}

fn median(mut samples: Vec<Duration>) -> Duration {
    samples.sort_unstable();
    samples[samples.len() / 2]
}
