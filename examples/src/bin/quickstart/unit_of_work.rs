//! Stamps, soft delete, rollback, read sessions.

use dotmac_database::prelude::*;
use dotmac_examples::place::Place;
use migration::entity::order;
use sea_orm::ConnectionTrait;

use crate::narrator::Narrator;

pub async fn show(narrator: &mut Narrator, place: &Place) -> Result<(), Error> {
    let db = place.database();
    let acme = RequestContext::tenant("acme")?
        .user("grace")?
        .request_id("request-3")?;

    narrator.step("Stamps");
    let order = db.read(&acme, async |tx| own_order(tx).await).await?;
    let mut changed = order.clone().into_active_model();
    changed.total_cents = Set(1_490);
    changed.updated_by = Set(Some("mallory".into()));
    let changed = db.write(&acme, async |tx| changed.update(tx).await).await?;
    narrator.say("grace changes the order, and tries to sign as mallory:");
    narrator.row(format!(
        "created_by={:?}  updated_by={:?}  request_id={:?}",
        changed.created_by, changed.updated_by, changed.request_id,
    ));
    narrator.expect(
        "who and which request come from the context",
        changed.updated_by.as_deref() == Some("grace")
            && changed.request_id.as_deref() == Some("request-3"),
    );
    narrator.expect(
        "who created it stays",
        changed.created_by == order.created_by && changed.updated_at >= order.updated_at,
    );

    narrator.step("Soft delete and restore");
    db.write(&acme, async |tx| changed.delete(tx).await).await?;
    let hidden = db.read(&acme, async |tx| {
        order::Entity::find_by_id(order.id).one(tx).await
    });
    narrator.expect(
        "after `delete` the order is not found",
        hidden.await?.is_none(),
    );
    let deleted = db.read(&acme, async |tx| {
        let trash = order::Entity::only_deleted();
        trash.filter(order::Column::Id.eq(order.id)).one(tx).await
    });
    let Some(deleted) = deleted.await? else {
        narrator.expect("it is among the deleted ones", false);
        return Ok(());
    };
    narrator.row(format!(
        "deleted_at={:?}  deleted_by={:?}",
        deleted.deleted_at, deleted.deleted_by
    ));
    narrator.expect("the row is still there, marked", deleted.is_deleted());
    let restored = db
        .write(&acme, async |tx| deleted.restore(tx).await)
        .await?;
    narrator.expect("`restore` brings it back", !restored.is_deleted());
    let live = "DELETE FROM orders";
    narrator.say(format!("by raw SQL: {live}"));
    let refused = db
        .write(&acme, async |tx| tx.execute_unprepared(live).await)
        .await;
    narrator.refused("a live row cannot be removed for good", refused);

    narrator.step("A unit of work that fails");
    let failed: Result<(), Error> = db
        .write(&acme, async |tx| {
            let mut order = own_order(tx).await?.into_active_model();
            order.total_cents = Set(0);
            order.update(tx).await?;
            narrator.say("the total is set to 0, and then something goes wrong");
            Err(DbErr::Custom("something went wrong".into()).into())
        })
        .await;
    narrator.expect("the error reaches the caller", failed.is_err());
    let order = db.read(&acme, async |tx| own_order(tx).await).await?;
    narrator.expect("nothing of it was stored", order.total_cents == 1_490);

    narrator.step("A read session");
    let mut order = order.into_active_model();
    order.total_cents = Set(0);
    let write = db.read(&acme, async |tx| order.update(tx).await).await;
    narrator.refused("the database refuses to write in it", write);
    Ok(())
}

/// The order of the session's tenant; the condition is for SQLite.
async fn own_order(tx: &Session) -> Result<order::Model, Error> {
    let own = order::Entity::find().filter(order::Column::Number.eq("A-1"));
    let found = own.one(tx).await?;
    Ok(found.ok_or_else(|| DbErr::RecordNotFound("A-1".to_owned()))?)
}
