//! The first page beside the last one, by keyset and by OFFSET.

use std::time::{Duration, Instant};

use dotmac_database::prelude::*;
use dotmac_database::query::{CursorKey, Pages};
use migration::entity::order;
use sea_orm::PaginatorTrait;

use crate::setup::Bed;
use crate::{Outcome, median};

const SIZE: u32 = 100;
const WARM_UP: usize = 50;
const ROUNDS: usize = 500;
/// By OFFSET a page takes long enough.
const SLOW_ROUNDS: usize = 5;

pub async fn print(bed: &Bed) -> Outcome<()> {
    let key = CursorKey::new([7; 32])?;
    let pages = || {
        order::Entity::find()
            .pages(&key)
            .asc(order::Column::CreatedAt)
    };
    let rows = bed.db.read(&bed.context, async |tx| {
        order::Entity::find().count(tx).await
    });
    let rows = rows.await?;
    // The last full page: found from the end, so that nothing has to be walked.
    let cursor = bed
        .db
        .read(&bed.context, async |tx| {
            let last = pages().size(SIZE).last().page(tx).await?;
            let before = pages().size(SIZE).before(last.start.as_deref());
            Ok::<_, Error>(before.page(tx).await?.end)
        })
        .await?;
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for _ in 0..WARM_UP + ROUNDS {
        first.push(time(bed, pages()).await?);
        last.push(time(bed, pages().after(cursor.as_deref())).await?);
    }
    let (first, last) = (
        median(first.split_off(WARM_UP)),
        median(last.split_off(WARM_UP)),
    );
    let offset = rows.saturating_sub(u64::from(SIZE));
    let mut skipped = Vec::new();
    for _ in 0..SLOW_ROUNDS {
        skipped.push(skip(bed, offset).await?);
    }
    let skipped = median(skipped);
    let number = rows / u64::from(SIZE);
    println!("\npages of {SIZE} among {rows} rows of a tenant\n");
    println!("| page                 | median µs | ratio |");
    println!("|----------------------|----------:|------:|");
    for (name, it) in [
        ("1".to_owned(), first),
        (format!("{number}"), last),
        (format!("{number} by OFFSET"), skipped),
    ] {
        let ratio = it.div_duration_f64(first);
        println!(
            "| {name:<20} | {:>9.0} | {ratio:>5.2} |",
            it.as_secs_f64() * 1e6
        );
    }
    Ok(())
}

async fn time(bed: &Bed, pages: Pages<order::Entity>) -> Outcome<Duration> {
    bed.settle().await;
    let start = Instant::now();
    let read = bed
        .db
        .read(&bed.context, async |tx| pages.size(SIZE).page(tx).await);
    let page = read.await?;
    let elapsed = start.elapsed();
    match page.rows.len() {
        100 => Ok(elapsed),
        rows => Err(format!("a page of {rows} rows").into()),
    }
}

async fn skip(bed: &Bed, offset: u64) -> Outcome<Duration> {
    bed.settle().await;
    let start = Instant::now();
    let select = order::Entity::find()
        .order_by_asc(order::Column::CreatedAt)
        .order_by_asc(order::Column::Id)
        .offset(offset)
        .limit(u64::from(SIZE) + 1);
    bed.db
        .read(&bed.context, async |tx| select.all(tx).await)
        .await?;
    Ok(start.elapsed())
}
