//! The memory that a walk over all rows takes.

use std::fs;
use std::time::Instant;

use dotmac_database::prelude::*;
use migration::entity::order;

use crate::Outcome;
use crate::setup::Bed;

const SIZE: u32 = 1_000;

pub async fn print(bed: &Bed) -> Outcome<()> {
    let before = resident()?;
    let (mut early, mut peak) = (before, before);
    let (mut rows, mut batches) = (0, 0);
    let start = Instant::now();
    let session = bed
        .db
        .begin_with(&bed.context, SessionOptions::read_only())?;
    let mut unread = order::Entity::find().find_in_batches(SIZE);
    while let Some(batch) = unread.next(&session).await? {
        let now = resident()?;
        rows += batch.len();
        batches += 1;
        peak = peak.max(now);
        if batches <= 10 {
            early = early.max(now);
        }
    }
    session.commit().await?;
    let seconds = start.elapsed().as_secs_f64();
    println!("\nall {rows} rows in batches of {SIZE}: {seconds:.1} s");
    println!(
        "resident: {before} KiB before, at most {early} KiB in the first 10 batches, {peak} KiB in all"
    );
    Ok(())
}

/// The memory of this process, in KiB.
fn resident() -> Outcome<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let digits = line.and_then(|line| line.split_whitespace().next());
    Ok(digits.ok_or("no VmRSS")?.parse()?)
}
