//! I20–I29: writes cannot reach, make or move a row of another tenant.

use dotmac_database::prelude::*;
use migration::entity::{order, order_line, product, tenant, user};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ConnectionTrait, DbErr};

use crate::support::{Shop, kind};

fn new_order(number: &str) -> order::ActiveModel {
    order::ActiveModel {
        number: Set(number.into()),
        total_cents: Set(1),
        ..Default::default()
    }
}

/// Runs `work` as tenant A in a session that is rolled back.
async fn as_a<T>(shop: &Shop, work: impl AsyncFnOnce(&Session) -> T) -> T {
    let session = shop.db.begin(&shop.a).unwrap();
    let result = work(&session).await;
    session.rollback().await.unwrap();
    result
}

#[tokio::test]
async fn i20_insert_for_another_tenant_is_refused() {
    let shop = Shop::open().await;
    let foreign = || order::ActiveModel {
        id: Set(Uuid::now_v7()),
        tenant_id: Set("beta".into()),
        ..new_order("2")
    };
    // By the hook, before any SQL: the session stays usable.
    as_a(&shop, async |tx| {
        assert_eq!(kind(foreign().insert(tx).await), ErrorKind::ForeignTenant);
        assert_eq!(order::Entity::find().all(tx).await.unwrap().len(), 1);
    })
    .await;
    // By the database, where no hook runs.
    let bulk = as_a(&shop, async |tx| {
        order::Entity::insert(foreign()).exec(tx).await
    })
    .await;
    assert_eq!(kind(bulk), ErrorKind::ForeignTenant);
    let raw = as_a(&shop, async |tx| {
        tx.execute_unprepared(
            "INSERT INTO orders (id, tenant_id, number, total_cents) \
             VALUES (gen_random_uuid(), 'beta', '2', 1)",
        )
        .await
    });
    assert_eq!(kind(raw.await), ErrorKind::ForeignTenant);
}

#[tokio::test]
async fn i21_one_foreign_row_refuses_the_whole_statement() {
    let shop = Shop::open().await;
    let rows = ["acme", "beta", "acme"].map(|tenant| order::ActiveModel {
        id: Set(Uuid::now_v7()),
        tenant_id: Set(tenant.into()),
        ..new_order(&Uuid::now_v7().to_string())
    });
    let refused = shop
        .db
        .write(&shop.a, async |tx| {
            order::Entity::insert_many(rows).exec(tx).await
        })
        .await;
    assert_eq!(kind(refused), ErrorKind::ForeignTenant);
    for context in [&shop.a, &shop.b] {
        let count = shop
            .db
            .read(context, async |tx| order::Entity::find().all(tx).await);
        assert_eq!(count.await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn i22_row_cannot_move_to_another_tenant() {
    let shop = Shop::open().await;
    let own = shop.order(&shop.a).await;
    let mut moved = own.clone().into_active_model();
    moved.tenant_id = Set("beta".into());
    let by_model = as_a(&shop, async |tx| moved.update(tx).await).await;
    assert_eq!(kind(by_model), ErrorKind::ForeignTenant);

    let bulk = as_a(&shop, async |tx| {
        order::Entity::update_many()
            .col_expr(order::Column::TenantId, Expr::val("beta"))
            .exec(tx)
            .await
    });
    assert_eq!(kind(bulk.await), ErrorKind::ForeignTenant);
    let raw = as_a(&shop, async |tx| {
        tx.execute_unprepared("UPDATE orders SET tenant_id = 'beta'")
            .await
    });
    assert_eq!(kind(raw.await), ErrorKind::ForeignTenant);
}

#[tokio::test]
async fn i23_foreign_row_by_key_is_as_one_that_does_not_exist() {
    let shop = Shop::open().await;
    let foreign = shop.order(&shop.b).await;
    let mut errors = Vec::new();
    for id in [foreign.id, Uuid::now_v7()] {
        let update = as_a(&shop, async |tx| {
            order::ActiveModel {
                id: Set(id),
                version: Set(1),
                total_cents: Set(0),
                ..Default::default()
            }
            .update(tx)
            .await
        });
        errors.push(update.await.unwrap_err());
        let deleted = as_a(&shop, async |tx| {
            order::Entity::delete_by_id(id).exec(tx).await
        });
        assert_eq!(deleted.await.unwrap().rows_affected, 0);
        let by_model = as_a(&shop, async |tx| {
            order::ActiveModel {
                id: Set(id),
                version: Set(1),
                ..Default::default()
            }
            .delete(tx)
            .await
        });
        assert_eq!(by_model.await.unwrap().rows_affected, 0);
    }
    assert_eq!(errors[0], DbErr::RecordNotUpdated);
    assert_eq!(errors[0], errors[1]);
    // With the model itself, the hook knows whose it is.
    let mut changed = foreign.clone().into_active_model();
    changed.total_cents = Set(0);
    let refused = as_a(&shop, async |tx| changed.update(tx).await).await;
    assert_eq!(kind(refused), ErrorKind::ForeignTenant);
    assert_eq!(shop.order(&shop.b).await, foreign);
}

#[tokio::test]
async fn i24_bulk_statements_without_filter_reach_own_rows_only() {
    let shop = Shop::open().await;
    let before = shop.order(&shop.b).await;
    shop.db
        .write(&shop.a, async |tx| {
            let updated = order::Entity::update_many()
                .col_expr(order::Column::TotalCents, Expr::val(99))
                .exec(tx)
                .await?;
            assert_eq!(updated.rows_affected, 1);
            let deleted = order_line::Entity::delete_many().exec(tx).await?;
            assert_eq!(deleted.rows_affected, 1);
            let raw = tx.execute_unprepared("UPDATE users SET name = 'x'").await?;
            assert_eq!(raw.rows_affected(), 1);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    assert_eq!(shop.order(&shop.b).await, before);
    let lines = shop
        .db
        .read(&shop.b, async |tx| order_line::Entity::find().all(tx).await);
    assert_eq!(lines.await.unwrap().len(), 1);
}

#[tokio::test]
async fn i25_upsert_that_meets_a_foreign_row_changes_nothing() {
    let shop = Shop::open().await;
    let foreign = shop.order(&shop.b).await;
    let upsert = as_a(&shop, async |tx| {
        order::Entity::insert(order::ActiveModel {
            id: Set(foreign.id),
            ..new_order("stolen")
        })
        .on_conflict(
            OnConflict::column(order::Column::Id)
                .update_column(order::Column::Number)
                .to_owned(),
        )
        .exec(tx)
        .await
    });
    assert!(upsert.await.is_err());
    assert_eq!(shop.order(&shop.b).await, foreign);
}

#[tokio::test]
async fn i26_nested_save_under_a_foreign_parent_is_rolled_back() {
    let shop = Shop::open().await;
    let foreign = shop.order(&shop.b).await;
    let product = shop
        .db
        .read(&shop.a, async |tx| product::Entity::find().one(tx).await)
        .await
        .unwrap()
        .unwrap();
    let child = as_a(&shop, async |tx| {
        order_line::ActiveModel {
            order_id: Set(foreign.id),
            product_id: Set(product.id),
            quantity: Set(1),
            ..Default::default()
        }
        .insert(tx)
        .await
    });
    assert_eq!(kind(child.await), ErrorKind::ForeignKey);

    let line = || {
        order_line::ActiveModel::builder()
            .set_product_id(product.id)
            .set_quantity(1)
    };
    let nested = shop
        .db
        .write(&shop.a, async |tx| {
            foreign
                .clone()
                .into_ex()
                .into_active_model()
                .add_line(line())
                .save(tx)
                .await
        })
        .await;
    assert!(nested.is_err());
    // Replace and cascade with the foreign order's key find nothing to touch.
    let mut replace = order::ActiveModel {
        id: Set(foreign.id),
        total_cents: Set(0),
        ..Default::default()
    }
    .into_ex();
    replace.lines.replace_all([line()]);
    let replaced = shop
        .db
        .write(&shop.a, async |tx| replace.update(tx).await)
        .await;
    assert!(replaced.is_err());
    let cascade = shop
        .db
        .write(&shop.a, async |tx| foreign.clone().cascade_delete(tx).await)
        .await;
    assert_eq!(cascade.unwrap().rows_affected, 0);
    assert_eq!(shop.order(&shop.b).await, foreign);
    let lines = shop
        .db
        .read(&shop.b, async |tx| order_line::Entity::find().all(tx).await);
    assert_eq!(lines.await.unwrap().len(), 1);
    let lines = shop
        .db
        .read(&shop.a, async |tx| order_line::Entity::find().all(tx).await);
    assert_eq!(lines.await.unwrap().len(), 1);
}

#[tokio::test]
async fn i27_foreign_key_to_a_foreign_row_is_refused() {
    let shop = Shop::open().await;
    let foreign = shop.order(&shop.b).await;
    let mut own = shop.order(&shop.a).await.into_active_model();
    own.user_id = Set(foreign.user_id);
    let by_model = as_a(&shop, async |tx| own.update(tx).await).await;
    assert_eq!(kind(by_model), ErrorKind::ForeignKey);
    let raw = as_a(&shop, async |tx| {
        tx.execute_unprepared(&format!(
            "UPDATE order_lines SET order_id = '{}'",
            foreign.id
        ))
        .await
    });
    assert_eq!(kind(raw.await), ErrorKind::ForeignKey);
}

#[tokio::test]
async fn i28_unique_value_of_another_tenant_is_free() {
    let shop = Shop::open().await;
    // Both tenants have "ada@example.com" already; a second one of the same tenant is a conflict.
    let twin = as_a(&shop, async |tx| {
        user::ActiveModel {
            email: Set("ada@example.com".into()),
            name: Set("twin".into()),
            ..Default::default()
        }
        .insert(tx)
        .await
    });
    assert_eq!(kind(twin.await), ErrorKind::Unique);
}

#[tokio::test]
async fn i29_application_role_cannot_go_around_its_policies() {
    let shop = Shop::open().await;
    let raw = shop.raw().await;
    for sql in [
        "TRUNCATE orders",
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE mine (id int)",
        "ALTER TABLE orders DISABLE ROW LEVEL SECURITY",
        "CREATE POLICY all_rows ON orders USING (true)",
        "DROP POLICY dotmac_tenant ON orders",
        "CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION dotmac_stamp_orders()",
        "SET ROLE shop_owner",
        "SET ROLE shop_migrator",
        "SET ROLE shop_system",
        "SET SESSION AUTHORIZATION postgres",
        "INSERT INTO products (id, name, price_cents) VALUES (gen_random_uuid(), 'x', 1)",
        "UPDATE products SET price_cents = 0",
    ] {
        let refused = raw.execute_unprepared(sql).await;
        let kind = kind(refused);
        assert!(matches!(kind, ErrorKind::Denied), "{sql}: {kind:?}");
    }
    // Reading without policies is not granted either: the setting turns filtering into an error.
    let off = raw
        .execute_unprepared("SET row_security = off; SELECT * FROM orders")
        .await;
    assert!(off.is_err());
}

#[tokio::test]
async fn row_whose_key_is_its_tenant_can_be_updated() {
    let shop = Shop::open().await;
    let row = tenant::ActiveModel {
        id: Set("acme".into()),
        name: Set("new".into()),
        ..Default::default()
    };
    let updated = shop
        .db
        .write(&shop.a, async |tx| row.update(tx).await)
        .await;
    assert_eq!(updated.unwrap().name, "new");
}
