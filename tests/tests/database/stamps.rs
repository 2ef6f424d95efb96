//! I65, I66: stamps come from the context on every way in, and never from user input.

use dotmac_database::prelude::*;
use migration::entity::{order, user};
use sea_orm::ConnectionTrait;
use sea_orm::sea_query::Expr;

use crate::support::Shop;

#[track_caller]
fn expect_stamped(row: &order::Model) {
    assert_eq!(row.tenant_id, "acme");
    assert_eq!(row.created_by.as_deref(), Some("acme-user"));
    assert_eq!(row.updated_by.as_deref(), Some("acme-user"));
    assert_eq!(row.request_id.as_deref(), Some("acme-request"));
    assert_eq!((row.deleted_at, row.deletion_id), (None, None));
    assert!(row.is_active);
}

/// What a hostile client would send.
fn forged() -> order::ActiveModel {
    order::ActiveModel {
        id: Set(Uuid::now_v7()),
        number: Set("forged".into()),
        total_cents: Set(1),
        created_by: Set(Some("mallory".into())),
        updated_by: Set(Some("mallory".into())),
        request_id: Set(Some("forged".into())),
        deleted_at: Set(Some(chrono::Utc::now())),
        deleted_by: Set(Some("mallory".into())),
        deletion_id: Set(Some(Uuid::now_v7())),
        version: Set(1),
        ..Default::default()
    }
}

#[tokio::test]
async fn i65_stamps_set_by_user_input_are_overwritten() {
    let shop = Shop::open().await;
    let session = shop.db.begin(&shop.a).unwrap();
    let tx = &session;
    // By the hook.
    let row = forged().insert(tx).await.unwrap();
    expect_stamped(&row);
    let changed = order::ActiveModel {
        id: Set(row.id),
        ..forged()
    };
    let changed = changed.update(tx).await.unwrap();
    expect_stamped(&changed);
    assert_eq!(changed.created_at, row.created_at);
    // By the database alone.
    let bulk = order::ActiveModel {
        number: Set("bulk".into()),
        ..forged()
    };
    let row = order::Entity::insert(bulk)
        .exec_with_returning(tx)
        .await
        .unwrap();
    expect_stamped(&row);
    let all = order::Entity::update_many()
        .col_expr(order::Column::CreatedBy, Expr::val("mallory"))
        .col_expr(order::Column::UpdatedBy, Expr::val("mallory"))
        .col_expr(order::Column::RequestId, Expr::val("forged"))
        .col_expr(order::Column::DeletedBy, Expr::val("mallory"))
        .col_expr(
            order::Column::CreatedAt,
            Expr::cust("'2000-01-01'::timestamptz"),
        )
        .exec_with_returning(tx)
        .await
        .unwrap();
    assert_eq!(all.len(), 3);
    all.iter().for_each(expect_stamped);
    assert!(
        all.iter()
            .all(|row| row.created_at.timestamp() > 1_000_000_000)
    );
    // A generated column cannot be written at all.
    let generated = order::Entity::insert(order::ActiveModel {
        is_active: Set(false),
        ..forged()
    });
    assert!(generated.exec(tx).await.is_err());
}

#[tokio::test]
async fn i66_bulk_and_raw_writes_are_stamped() {
    let shop = Shop::open().await;
    let session = shop.db.begin(&shop.a).unwrap();
    let tx = &session;
    let many = (0..3).map(|n| order::ActiveModel {
        id: Set(Uuid::now_v7()),
        number: Set(format!("many-{n}")),
        total_cents: Set(1),
        ..Default::default()
    });
    order::Entity::insert_many(many).exec(tx).await.unwrap();
    tx.execute_unprepared(
        "INSERT INTO orders (id, number, total_cents) VALUES (gen_random_uuid(), 'raw', 1)",
    )
    .await
    .unwrap();
    let rows = order::Entity::find().all(tx).await.unwrap();
    assert_eq!(rows.len(), 5);
    rows.iter().for_each(expect_stamped);

    tx.execute_unprepared("UPDATE orders SET deleted_at = '2000-01-01' WHERE number = 'raw'")
        .await
        .unwrap();
    let deleted = order::Entity::only_deleted()
        .one(tx)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(deleted.deleted_by.as_deref(), Some("acme-user"));
    assert!(deleted.deletion_id.is_some());
    assert!(deleted.deleted_at.unwrap().timestamp() > 1_000_000_000);
}

#[tokio::test]
async fn updated_at_moves_on_every_update_and_created_at_never() {
    let shop = Shop::open().await;
    let first = shop.order(&shop.a).await;
    for sql in [
        "UPDATE orders SET total_cents = total_cents + 1",
        "UPDATE orders SET updated_at = '2000-01-01', created_at = '2000-01-01'",
    ] {
        let before = shop.order(&shop.a).await;
        shop.db
            .write(&shop.a, async |tx| tx.execute_unprepared(sql).await)
            .await
            .unwrap();
        let after = shop.order(&shop.a).await;
        assert!(after.updated_at > before.updated_at);
        assert_eq!(after.created_at, first.created_at);
    }
}

#[tokio::test]
async fn update_that_changes_nothing_writes_nothing() {
    let shop = Shop::open().await;
    let before = shop.order(&shop.a).await;
    let same = shop.db.write(&shop.a, async |tx| {
        before.clone().into_active_model().update(tx).await
    });
    assert_eq!(same.await.unwrap(), before);
}

#[tokio::test]
async fn context_without_user_stamps_null_and_not_the_last_user() {
    let shop = Shop::with_pool(1).await;
    let anonymous = RequestContext::tenant("acme").unwrap();
    let user = shop.db.write(&anonymous, async |tx| {
        user::ActiveModel {
            email: Set("x@example.com".into()),
            name: Set("x".into()),
            ..Default::default()
        }
        .insert(tx)
        .await
    });
    let user = user.await.unwrap();
    assert_eq!(
        (user.created_by, user.updated_by, user.request_id),
        (None, None, None)
    );
}
