//! Many rows in one session, beside SeaORM's `insert_many` in chunks of the same size.

use std::time::{Duration, Instant};

use dotmac_database::prelude::*;
use migration::entity::order;
use sea_orm::ConnectionTrait;

use crate::setup::{Bed, Server};
use crate::{Outcome, median};

/// As `insert_bulk` has it.
const CHUNK: usize = 1_000;
const ROUNDS: usize = 7;

pub async fn print(server: &Server, bed: &Bed, rows: u32) -> Outcome<()> {
    let (mut plain, mut ours) = (Vec::new(), Vec::new());
    let admin = server.admin().await?;
    for _ in 0..=ROUNDS {
        // What the last insert left behind would slow the next one.
        admin.execute_unprepared("VACUUM orders").await?;
        plain.push(insert_many(bed, rows).await?);
        admin.execute_unprepared("VACUUM orders").await?;
        ours.push(insert_bulk(bed, rows).await?);
    }
    admin.close().await?;
    // The first round warms up.
    let (plain, ours) = (median(plain.split_off(1)), median(ours.split_off(1)));
    println!("\n{rows} rows, rolled back\n");
    println!("| insert                       | median ms | rows per second | ratio |");
    println!("|------------------------------|----------:|----------------:|------:|");
    for (name, it) in [
        ("SeaORM insert_many, chunked", plain),
        ("insert_bulk", ours),
    ] {
        println!(
            "| {name:<28} | {:>9.0} | {:>15.0} | {:>5.2} |",
            it.as_secs_f64() * 1e3,
            f64::from(rows) / it.as_secs_f64(),
            plain.div_duration_f64(it),
        );
    }
    Ok(())
}

fn row(number: u32) -> order::ActiveModel {
    order::ActiveModel {
        number: Set(format!("bulk {number}")),
        total_cents: Set(i64::from(number)),
        ..Default::default()
    }
}

async fn insert_bulk(bed: &Bed, rows: u32) -> Outcome<Duration> {
    bed.settle().await;
    let session = bed.db.begin(&bed.context)?;
    let start = Instant::now();
    let inserted = order::Entity::insert_bulk((0..rows).map(row))
        .exec(&session)
        .await?;
    let elapsed = start.elapsed();
    session.rollback().await?;
    match inserted == u64::from(rows) {
        true => Ok(elapsed),
        false => Err("rows are missing".into()),
    }
}

/// The same columns, by hand: `insert_many` runs no hooks.
async fn insert_many(bed: &Bed, rows: u32) -> Outcome<Duration> {
    bed.settle().await;
    let session = bed.db.begin(&bed.context)?;
    let start = Instant::now();
    let user = bed.context.user_id().map(str::to_owned);
    let request = bed.context.request().map(str::to_owned);
    let stamped = |number| order::ActiveModel {
        id: Set(Uuid::now_v7()),
        tenant_id: Set("acme".into()),
        created_by: Set(user.clone()),
        updated_by: Set(user.clone()),
        request_id: Set(request.clone()),
        ..row(number)
    };
    let rows: Vec<_> = (0..rows).map(stamped).collect();
    let mut rest = rows.into_iter();
    let nested = session.nested()?;
    loop {
        let chunk: Vec<_> = rest.by_ref().take(CHUNK).collect();
        if chunk.is_empty() {
            break;
        }
        let insert = order::Entity::insert_many(chunk);
        insert.exec_without_returning(&nested).await?;
    }
    nested.commit().await?;
    let elapsed = start.elapsed();
    session.rollback().await?;
    Ok(elapsed)
}
