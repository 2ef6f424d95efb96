//! I60–I62: a deleted row stays, is hidden from every path, and can come back.

use dotmac_database::prelude::*;
use futures_util::TryStreamExt;
use migration::entity::{order, order_line, product, user};
use sea_orm::sea_query::Query;
use sea_orm::{ConnectionTrait, LoaderTrait, PaginatorTrait};

use crate::support::{Shop, kind};

async fn only_order(tx: &Session) -> order::Model {
    order::Entity::find().one(tx).await.unwrap().unwrap()
}

/// Runs `delete` in a session, and expects the order to stay, marked, with the user's name.
#[track_caller]
fn expect_marked(row: &order::Model) {
    assert!(row.is_deleted());
    assert!(!row.is_active);
    assert_eq!(row.deleted_by.as_deref(), Some("acme-user"));
    assert!(row.deletion_id.is_some());
}

#[tokio::test]
async fn i60_every_delete_of_sea_orm_marks_the_row() {
    let shop = Shop::open().await;
    for way in 0..7 {
        let session = shop.db.begin(&shop.a).unwrap();
        let tx = &session;
        let row = only_order(tx).await;
        let affected = match way {
            0 => row.delete(tx).await.unwrap().rows_affected,
            1 => {
                row.into_active_model()
                    .delete(tx)
                    .await
                    .unwrap()
                    .rows_affected
            }
            2 => {
                order::Entity::delete_by_id(row.id)
                    .exec(tx)
                    .await
                    .unwrap()
                    .rows_affected
            }
            3 => {
                order::Entity::delete(row.into_active_model())
                    .exec(tx)
                    .await
                    .unwrap()
                    .rows_affected
            }
            4 => {
                order::Entity::delete_many()
                    .exec(tx)
                    .await
                    .unwrap()
                    .rows_affected
            }
            5 => {
                let filtered = order::Entity::delete_many().filter(order::Column::Number.eq("1"));
                filtered.exec_with_returning(tx).await.unwrap().len() as u64
            }
            _ => u64::from(row.soft_delete(tx).await.unwrap().is_deleted()),
        };
        assert_eq!(affected, 1, "way {way}");
        assert!(
            order::Entity::find().all(tx).await.unwrap().is_empty(),
            "way {way}"
        );
        let all = order::Entity::find_with_deleted().all(tx).await.unwrap();
        expect_marked(&all[0]);
        // A second time there is nothing to mark.
        assert_eq!(
            order::Entity::delete_many()
                .exec(tx)
                .await
                .unwrap()
                .rows_affected,
            0
        );
        session.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn i60_cascade_and_replace_mark_the_children() {
    let shop = Shop::open().await;
    let session = shop.db.begin(&shop.a).unwrap();
    let tx = &session;
    // ModelEx: the order and its line.
    let deleted = only_order(tx).await.into_ex().delete(tx).await.unwrap();
    assert_eq!(deleted.rows_affected, 2);
    assert!(order_line::Entity::find().all(tx).await.unwrap().is_empty());
    assert_eq!(
        order_line::Entity::only_deleted()
            .all(tx)
            .await
            .unwrap()
            .len(),
        1
    );
    session.rollback().await.unwrap();

    let session = shop.db.begin(&shop.a).unwrap();
    let tx = &session;
    let mut order = only_order(tx).await.into_ex().into_active_model();
    order.lines.replace_all([]);
    order.save(tx).await.unwrap();
    assert!(order_line::Entity::find().all(tx).await.unwrap().is_empty());
    assert_eq!(
        order_line::Entity::only_deleted()
            .all(tx)
            .await
            .unwrap()
            .len(),
        1
    );
    session.rollback().await.unwrap();
}

#[tokio::test]
async fn i60_physical_delete_of_a_live_row_is_refused_by_the_database() {
    let shop = Shop::open().await;
    let refused: [(&str, ErrorKind); 2] = [
        ("DELETE FROM orders", ErrorKind::PhysicalDelete),
        ("DELETE FROM order_lines", ErrorKind::PhysicalDelete),
    ];
    for (sql, expected) in refused {
        let result = shop
            .db
            .write(&shop.a, async |tx| tx.execute_unprepared(sql).await)
            .await;
        assert_eq!(kind(result), expected, "{sql}");
    }
    // The trait's own path, and the function that SeaORM makes of a unique column.
    let by_trait = shop.db.write(&shop.a, async |tx| {
        <order::Entity as EntityTrait>::delete_many().exec(tx).await
    });
    assert_eq!(kind(by_trait.await), ErrorKind::PhysicalDelete);
    let by_unique = shop.db.write(&shop.a, async |tx| {
        order::Entity::delete_by_number("1").exec(tx).await
    });
    assert_eq!(kind(by_unique.await), ErrorKind::PhysicalDelete);
    // A generic caller gets to the hook.
    async fn generic<A>(row: A, tx: &Session) -> Result<(), DbErr>
    where
        A: ActiveModelTrait + ActiveModelBehavior + Send,
    {
        row.delete(tx).await.map(drop)
    }
    let by_hook = shop.db.write(&shop.a, async |tx| {
        generic(only_order(tx).await.into_active_model(), tx).await
    });
    assert_eq!(kind(by_hook.await), ErrorKind::PhysicalDelete);
    // What is marked can be removed for good.
    shop.db
        .write(&shop.a, async |tx| {
            order_line::Entity::delete_many().exec(tx).await?;
            tx.execute_unprepared("DELETE FROM order_lines").await
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn i61_deleted_row_is_hidden_from_every_path() {
    let shop = Shop::open().await;
    let session = shop.db.begin(&shop.a).unwrap();
    let tx = &session;
    let order = only_order(tx).await;
    let line = order_line::Entity::find().one(tx).await.unwrap().unwrap();
    let user = user::Entity::find().one(tx).await.unwrap().unwrap();
    let product = product::Entity::find().one(tx).await.unwrap().unwrap();
    order.clone().delete(tx).await.unwrap();

    let find = order::Entity::find;
    assert!(
        order::Entity::find_by_id(order.id)
            .one(tx)
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        order::Entity::find_by_number("1")
            .one(tx)
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(find().count(tx).await.unwrap(), 0);
    assert_eq!(find().paginate(tx, 5).num_items().await.unwrap(), 0);
    assert!(
        find()
            .cursor_by(order::Column::Id)
            .first(5)
            .all(tx)
            .await
            .unwrap()
            .is_empty()
    );
    let streamed: Vec<_> = find()
        .stream(tx)
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert!(streamed.is_empty());
    assert_eq!(find().into_json().all(tx).await.unwrap().len(), 0);

    // From the parent's and from the child's side.
    assert!(
        user.find_related(order::Entity)
            .all(tx)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        line.find_related(order::Entity)
            .one(tx)
            .await
            .unwrap()
            .is_none()
    );
    let also = user::Entity::find()
        .find_also_related(order::Entity)
        .all(tx)
        .await
        .unwrap();
    assert_eq!(also, [(user.clone(), None)], "the parent stays");
    let with = user::Entity::find()
        .find_with_related(order::Entity)
        .all(tx)
        .await
        .unwrap();
    assert_eq!(with, [(user.clone(), vec![])]);
    let lines = order_line::Entity::find().find_also_related(order::Entity);
    assert_eq!(lines.all(tx).await.unwrap(), [(line.clone(), None)]);
    let both = order_line::Entity::find().find_both_related(order::Entity);
    assert!(both.all(tx).await.unwrap().is_empty());
    let three = order_line::Entity::find()
        .find_also_related(order::Entity)
        .find_also_related(product::Entity)
        .all(tx)
        .await
        .unwrap();
    assert_eq!(three, [(line.clone(), None, Some(product))]);
    let has = user::Entity::find().has_related(order::Entity, order::Column::Number.eq("1"));
    assert!(has.all(tx).await.unwrap().is_empty());

    // Loaders.
    let users = vec![user.clone()];
    assert!(users.load_many(order::Entity, tx).await.unwrap()[0].is_empty());
    assert_eq!(
        vec![line.clone()]
            .load_one(order::Entity, tx)
            .await
            .unwrap(),
        [None]
    );
    let loaded = user::Entity::load()
        .with((order::Entity, order_line::Entity))
        .all(tx)
        .await;
    assert_eq!(loaded.unwrap()[0].orders.len(), 0);
    let loaded = order_line::Entity::load()
        .with(order::Entity)
        .all(tx)
        .await
        .unwrap();
    assert!(loaded[0].order.as_ref().is_none());

    // A sub-query made of a scoped select.
    let numbers = order::Entity::find()
        .select_only()
        .column(order::Column::UserId);
    let users = user::Entity::find()
        .filter(user::Column::Id.in_subquery(sea_orm::QueryTrait::into_query(numbers)));
    assert!(users.all(tx).await.unwrap().is_empty());
    // One made by hand is not scoped: it names the table, not the entity.
    let by_hand = Query::select()
        .column(order::Column::UserId)
        .from(order::Entity)
        .take();
    let users = user::Entity::find().filter(user::Column::Id.in_subquery(by_hand));
    assert_eq!(users.all(tx).await.unwrap().len(), 1);

    // From the deleted row itself, its living relatives are found.
    let deleted = order::Entity::only_deleted()
        .one(tx)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        deleted
            .find_related(order_line::Entity)
            .all(tx)
            .await
            .unwrap()
            .len(),
        1
    );
    let with_user = order::Entity::find_with_deleted().find_also_related(user::Entity);
    assert_eq!(with_user.all(tx).await.unwrap()[0].1, Some(user));
}

#[tokio::test]
async fn i62_value_of_a_deleted_row_is_free_and_its_restore_conflicts() {
    let shop = Shop::open().await;
    let session = shop.db.begin(&shop.a).unwrap();
    let tx = &session;
    let first = only_order(tx).await.soft_delete(tx).await.unwrap();
    let restored = first.clone().restore(tx).await.unwrap();
    assert!(!restored.is_deleted() && restored.is_active);
    assert_eq!(
        (restored.deleted_by.clone(), restored.deletion_id),
        (None, None)
    );
    assert_eq!(only_order(tx).await, restored);

    let first = restored.soft_delete(tx).await.unwrap();
    order::ActiveModel {
        number: Set("1".into()),
        total_cents: Set(1),
        ..Default::default()
    }
    .insert(tx)
    .await
    .unwrap();
    let nested = tx.nested().unwrap();
    assert_eq!(kind(first.restore(&nested).await), ErrorKind::Unique);
    nested.rollback().await.unwrap();
    assert_eq!(order::Entity::find().all(tx).await.unwrap().len(), 1);
}

#[tokio::test]
async fn deleting_a_row_of_another_tenant_does_nothing() {
    let shop = Shop::open().await;
    let foreign = shop.order(&shop.b).await;
    let result = shop
        .db
        .write(&shop.a, async |tx| foreign.clone().delete(tx).await);
    assert_eq!(result.await.unwrap().rows_affected, 0);
    let result = shop
        .db
        .write(&shop.a, async |tx| foreign.clone().restore(tx).await);
    assert_eq!(kind(result.await), ErrorKind::NotFound);
    assert_eq!(shop.order(&shop.b).await, foreign);
}
