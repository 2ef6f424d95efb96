//! Optimistic locking, upserts, savepoints, many rows, pages, JSON.

use dotmac_database::prelude::*;
use dotmac_database::query::CursorKey;
use dotmac_examples::place::Place;
use migration::entity::order;
use sea_orm::PaginatorTrait;

use crate::narrator::Narrator;

const PAGE: u32 = 40;

pub async fn show(
    narrator: &mut Narrator,
    place: &Place,
) -> Result<(), Box<dyn std::error::Error>> {
    let db = place.database();
    let gamma = RequestContext::tenant("gamma")?.user("edsger")?;

    narrator.step("Somebody was faster");
    let read = db
        .write(&gamma, async |tx| new_order(0).insert(tx).await)
        .await?;
    let mut theirs = read.clone().into_active_model();
    theirs.total_cents = Set(100);
    db.write(&gamma, async |tx| theirs.update(tx).await).await?;
    let mut mine = read.into_active_model();
    mine.total_cents = Set(200);
    let stale = db.write(&gamma, async |tx| mine.update(tx).await).await;
    narrator.refused("what was changed meanwhile is not overwritten", stale);

    narrator.step("Insert or update");
    let row = db.write(&gamma, async |tx| {
        let number = [order::Column::Number];
        order::Entity::upsert(new_order(0))
            .on(number)
            .exec(tx)
            .await
    });
    let row = row.await?;
    narrator.expect(
        "the order with that number was updated",
        row.total_cents == 0 && row.version == 3,
    );

    narrator.step("A savepoint");
    let kept = db.write(&gamma, async |tx| {
        tx.savepoint("import")?;
        let taken = new_order(0).insert(tx).await.map_err(Error::from);
        narrator.refused("the number is taken", taken);
        tx.roll_back_to("import")?;
        Ok::<_, Error>(new_order(1).insert(tx).await?)
    });
    let kept = kept.await?;
    narrator.expect("the session goes on behind it", kept.total_cents == 1);

    narrator.step("Many rows");
    let rows = (2..100).map(new_order);
    let inserted = db
        .write(&gamma, async |tx| {
            order::Entity::insert_bulk(rows).exec(tx).await
        })
        .await?;
    narrator.expect("98 orders are inserted at once", inserted == 98);
    pages(narrator, db, &gamma).await?;

    narrator.step("JSON from outside");
    let written = row.to_json([order::Column::Id, order::Column::UserId])?;
    narrator.row(&written);
    let forged = serde_json::json!({"tenant_id": "beta", "total_cents": 0});
    narrator.refused("it cannot move a row", row.update_from_json(forged));
    Ok(())
}

async fn pages(
    narrator: &mut Narrator,
    db: &Database,
    gamma: &RequestContext,
) -> Result<(), Box<dyn std::error::Error>> {
    let key = CursorKey::new(Uuid::now_v7().as_bytes().repeat(2))?;
    let page = async |tx: &Session, after: Option<&str>| {
        order::Entity::find()
            .filter(order::Column::TenantId.eq("gamma"))
            .pages(&key)
            .desc(order::Column::TotalCents)
            .size(PAGE)
            .after(after)
            .page(tx)
            .await
    };
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = db
            .read(gamma, async |tx| page(tx, after.as_deref()).await)
            .await?;
        narrator.row(format!("a page of {} orders", page.rows.len()));
        seen.extend(page.rows.into_iter().map(|order| order.total_cents));
        after = page.end;
        if !page.has_next {
            break;
        }
    }
    let all: Vec<i64> = (0..100).rev().collect();
    narrator.expect("the pages show each order once, in order", seen == all);
    let beta = RequestContext::tenant("beta")?;
    let stolen = db
        .read(&beta, async |tx| page(tx, after.as_deref()).await)
        .await;
    narrator.refused("another tenant cannot use the cursor", stolen);
    let count = db.read(gamma, async |tx| {
        let own = order::Entity::find().filter(order::Column::TenantId.eq("gamma"));
        own.count(tx).await
    });
    narrator.expect("nothing was lost", count.await? == 100);
    Ok(())
}

fn new_order(number: i64) -> order::ActiveModel {
    order::ActiveModel {
        number: Set(format!("C-{number}")),
        total_cents: Set(number),
        ..Default::default()
    }
}
