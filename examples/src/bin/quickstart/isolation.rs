//! Two tenants: what each sees, and what none can do to the other.

use dotmac_database::prelude::*;
use dotmac_examples::place::Place;
use migration::entity::{order, tenant, user};
use sea_orm::{ConnectionTrait, PaginatorTrait, Statement};

use crate::narrator::Narrator;

const ORDERS_OF_BETA: &str = "SELECT number FROM orders WHERE tenant_id = 'beta'";

pub async fn show(
    narrator: &mut Narrator,
    place: &Place,
) -> Result<(), Box<dyn std::error::Error>> {
    let db = place.database();
    let acme = RequestContext::tenant("acme")?
        .user("ada")?
        .request_id("request-1")?;
    let beta = RequestContext::tenant("beta")?
        .user("bob")?
        .request_id("request-2")?;

    narrator.step("Two tenants");
    make_tenant(db, &acme, "A-1").await?;
    make_tenant(db, &beta, "B-1").await?;
    for context in [&acme, &beta] {
        let tenant = context.tenant_id().map(ToString::to_string);
        narrator.say(format!("{} lists its orders:", tenant.unwrap_or_default()));
        let orders = db.read(context, async |tx| orders(tx).await).await?;
        for order in &orders {
            narrator.row(describe(order));
        }
        narrator.expect("it sees one order, its own", orders.len() == 1);
    }
    let foreign = db.read(&beta, async |tx| orders(tx).await).await?;
    let foreign = foreign.into_iter().next().ok_or("beta has no order")?;

    narrator.step("acme tries to read beta's order");
    if place.is_postgres() {
        reads(narrator, db, &acme, &foreign).await?;
    } else {
        narrator.say("On SQLite nothing but explicit conditions keeps it from that; with one:");
        let own = db.read(&acme, async |tx| {
            let tenant = TenantId::parse("acme")?;
            Ok::<_, Error>(order::Entity::find_in(&tenant)?.all(tx).await?)
        });
        narrator.expect(
            "`find_in(tenant)` shows its own order only",
            own.await?.len() == 1,
        );
    }

    narrator.step("acme tries to write beta's order");
    writes(narrator, place, &acme, &foreign).await?;
    let after = db.read(&beta, async |tx| {
        order::Entity::find_by_id(foreign.id).one(tx).await
    });
    narrator.expect(
        "beta's order is as it was",
        after.await?.as_ref() == Some(&foreign),
    );

    narrator.step("A session without a tenant");
    let nobody = RequestContext::without_tenant();
    let result = db.read(&nobody, async |tx| orders(tx).await).await;
    narrator.refused("it cannot touch orders at all", result);
    Ok(())
}

/// The orders that the session's tenant has; on SQLite by an explicit condition.
async fn orders(tx: &Session) -> Result<Vec<order::Model>, Error> {
    let select = match (tx.backend(), tx.context().tenant_id()) {
        (sea_orm::DbBackend::Sqlite, Some(tenant)) => order::Entity::find_in(tenant)?,
        _ => order::Entity::find(),
    };
    Ok(select.all(tx).await?)
}

fn describe(order: &order::Model) -> String {
    format!(
        "{}  tenant_id={}  total={}  created_by={}",
        order.number,
        order.tenant_id,
        order.total_cents,
        order.created_by.as_deref().unwrap_or("-"),
    )
}

async fn make_tenant(db: &Database, context: &RequestContext, number: &str) -> Result<(), DbErr> {
    db.write(context, async |tx| {
        tenant::ActiveModel {
            name: Set(format!("Company of {number}")),
            ..Default::default()
        }
        .insert(tx)
        .await?;
        let user = user::ActiveModel {
            email: Set("info@example.com".into()),
            name: Set("Info".into()),
            ..Default::default()
        };
        let user = user.insert(tx).await?;
        order::ActiveModel {
            number: Set(number.into()),
            total_cents: Set(990),
            user_id: Set(Some(user.id)),
            ..Default::default()
        }
        .insert(tx)
        .await?;
        Ok(())
    })
    .await
}

async fn reads(
    narrator: &mut Narrator,
    db: &Database,
    acme: &RequestContext,
    foreign: &order::Model,
) -> Result<(), Error> {
    let by_key = db.read(acme, async |tx| {
        order::Entity::find_by_id(foreign.id).one(tx).await
    });
    narrator.expect("by its key: not found", by_key.await?.is_none());
    let counted = db.read(acme, async |tx| order::Entity::find().count(tx).await);
    narrator.expect("by counting: only its own", counted.await? == 1);
    let raw = db.read(acme, async |tx| {
        tx.query_all_raw(Statement::from_string(tx.backend(), ORDERS_OF_BETA))
            .await
    });
    narrator.say(format!("by raw SQL: {ORDERS_OF_BETA}"));
    let rows = raw.await?;
    narrator.expect("no rows", rows.is_empty());
    Ok(())
}

async fn writes(
    narrator: &mut Narrator,
    place: &Place,
    acme: &RequestContext,
    foreign: &order::Model,
) -> Result<(), Error> {
    let db = place.database();
    let mut changed = foreign.clone().into_active_model();
    changed.total_cents = Set(0);
    let update = db.write(acme, async |tx| changed.update(tx).await).await;
    narrator.refused("update by the ORM", update);
    let forged = order::ActiveModel {
        tenant_id: Set("beta".into()),
        number: Set("forged".into()),
        total_cents: Set(0),
        ..Default::default()
    };
    let insert = db.write(acme, async |tx| forged.insert(tx).await).await;
    narrator.refused("insert as beta by the ORM", insert);
    let deleted = db.write(acme, async |tx| {
        order::Entity::delete_by_id(foreign.id).exec(tx).await
    });
    narrator.expect("delete by key: 0 rows", deleted.await?.rows_affected == 0);
    if !place.is_postgres() {
        narrator.say("Raw SQL is not held back on SQLite: only PostgreSQL can enforce that.");
        return Ok(());
    }
    for sql in [
        "UPDATE orders SET total_cents = 0 WHERE tenant_id = 'beta'",
        "UPDATE orders SET deleted_at = now() WHERE tenant_id = 'beta'",
        "DELETE FROM orders WHERE tenant_id = 'beta'",
    ] {
        narrator.say(format!("by raw SQL: {sql}"));
        let result = db
            .write(acme, async |tx| tx.execute_unprepared(sql).await)
            .await?;
        narrator.expect("0 rows", result.rows_affected() == 0);
    }
    let sql = "INSERT INTO orders (id, tenant_id, number, total_cents) \
               VALUES (gen_random_uuid(), 'beta', 'forged', 0)";
    narrator.say(format!("by raw SQL: {sql}"));
    let result = db
        .write(acme, async |tx| tx.execute_unprepared(sql).await)
        .await;
    narrator.refused("refused by the database", result);
    Ok(())
}
