//! I10–I18: reads through SeaORM show the session's tenant only, by the database alone.

use dotmac_database::prelude::*;
use futures_util::TryStreamExt;
use migration::entity::{order, order_line, product, tenant, user};
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ConnectionTrait, DbBackend, DerivePartialModel, FromQueryResult, JoinType, Linked, LoaderTrait,
    PaginatorTrait, QueryTrait, RelationTrait, Statement, StreamTrait,
};

use crate::support::Shop;

#[tokio::test]
async fn i10_every_select_shows_own_rows_only() {
    let shop = Shop::open().await;
    let foreign = shop.order(&shop.b).await;
    shop.db
        .read(&shop.a, async |tx| {
            let all = order::Entity::find().all(tx).await?;
            assert_eq!(all.len(), 1);
            assert_eq!(all[0].tenant_id, "acme");
            assert!(
                order::Entity::find_by_id(foreign.id)
                    .one(tx)
                    .await?
                    .is_none()
            );
            assert_eq!(order::Entity::find().count(tx).await?, 1);
            let exists = order::Entity::find().filter(order::Column::Id.eq(foreign.id));
            assert_eq!(exists.count(tx).await?, 0);
            assert_eq!(order::Entity::find().paginate(tx, 10).num_items().await?, 1);
            let mut cursor = order::Entity::find().cursor_by(order::Column::Id);
            assert_eq!(cursor.first(10).all(tx).await?.len(), 1);
            let streamed: Vec<_> = order::Entity::find()
                .stream(tx)
                .await?
                .try_collect()
                .await?;
            assert_eq!(streamed, all);
            assert_eq!(tenant::Entity::find().all(tx).await?.len(), 1);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

struct LinesOfUser;

impl Linked for LinesOfUser {
    type FromEntity = user::Entity;
    type ToEntity = order_line::Entity;

    fn link(&self) -> Vec<sea_orm::LinkDef> {
        vec![
            user::Relation::Order.def(),
            order::Relation::OrderLine.def(),
        ]
    }
}

#[tokio::test]
async fn i11_joins_show_own_rows_only() {
    let shop = Shop::open().await;
    shop.db
        .read(&shop.a, async |tx| {
            let user = user::Entity::find().one(tx).await?.unwrap();
            assert_eq!(user.find_related(order::Entity).all(tx).await?.len(), 1);
            assert_eq!(user.find_linked(LinesOfUser).all(tx).await?.len(), 1);
            let also = order::Entity::find()
                .find_also_related(user::Entity)
                .all(tx)
                .await?;
            assert_eq!(also.len(), 1);
            assert_eq!(also[0].1.as_ref(), Some(&user));
            let with = product::Entity::find()
                .find_with_related(order_line::Entity)
                .all(tx)
                .await?;
            assert_eq!(with[0].1.len(), 1);
            let both = order::Entity::find()
                .find_both_related(user::Entity)
                .all(tx)
                .await?;
            assert_eq!(both.len(), 1);
            let three = order_line::Entity::find()
                .find_also_related(order::Entity)
                .find_also_related(product::Entity)
                .all(tx)
                .await?;
            assert_eq!(three.len(), 1);
            let linked = user::Entity::find()
                .find_also_linked(LinesOfUser)
                .all(tx)
                .await?;
            assert_eq!(linked.len(), 1);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn i12_loaders_show_own_rows_only() {
    let shop = Shop::open().await;
    shop.db
        .read(&shop.a, async |tx| {
            let products = product::Entity::find().all(tx).await?;
            let lines = products.load_many(order_line::Entity, tx).await?;
            assert_eq!(lines[0].len(), 1);
            let orders = order::Entity::find().all(tx).await?;
            let users = orders.load_one(user::Entity, tx).await?;
            assert_eq!(users[0].as_ref().unwrap().tenant_id, "acme");
            let loaded = user::Entity::load()
                .with((order::Entity, order_line::Entity))
                .all(tx)
                .await?;
            assert_eq!(loaded.len(), 1);
            assert_eq!(loaded[0].orders[0].lines.len(), 1);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn i12_key_that_points_to_a_foreign_row_loads_nothing() {
    let shop = Shop::open().await;
    let foreign = shop.order(&shop.b).await;
    // Only a superuser without the foreign key can make such a row.
    let admin = shop.admin().await;
    let user = foreign.user_id.unwrap();
    for sql in [
        "ALTER TABLE orders DROP CONSTRAINT fk_orders_user_id_users".to_owned(),
        format!("UPDATE orders SET user_id = '{user}' WHERE tenant_id = 'acme'"),
    ] {
        admin.execute_unprepared(&sql).await.unwrap();
    }
    shop.db
        .read(&shop.a, async |tx| {
            let orders = order::Entity::find().all(tx).await?;
            assert_eq!(orders[0].user_id, Some(user));
            assert_eq!(orders.load_one(user::Entity, tx).await?, [None]);
            let also = order::Entity::find()
                .find_also_related(user::Entity)
                .all(tx)
                .await?;
            assert_eq!(also[0].1, None);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

#[derive(DerivePartialModel)]
#[sea_orm(entity = "order::Entity")]
struct Number {
    number: String,
}

#[derive(FromQueryResult)]
struct Sum {
    tenant_id: String,
    orders: i64,
}

#[tokio::test]
async fn i13_partial_and_aggregated_selects_show_own_rows_only() {
    let shop = Shop::open().await;
    shop.db
        .read(&shop.a, async |tx| {
            assert_eq!(order::Entity::find().into_json().all(tx).await?.len(), 1);
            let tuples: Vec<(String, i64)> = order::Entity::find()
                .select_only()
                .columns([order::Column::TenantId, order::Column::TotalCents])
                .into_tuple()
                .all(tx)
                .await?;
            assert_eq!(tuples, [("acme".to_owned(), 10)]);
            let partial = order::Entity::find()
                .into_partial_model::<Number>()
                .all(tx)
                .await?;
            assert_eq!(partial.len(), 1);
            assert_eq!(partial[0].number, "1");
            let sums = order::Entity::find()
                .select_only()
                .column(order::Column::TenantId)
                .column_as(order::Column::Id.count(), "orders")
                .group_by(order::Column::TenantId)
                .into_model::<Sum>()
                .all(tx)
                .await?;
            assert_eq!(sums.len(), 1);
            assert_eq!((sums[0].tenant_id.as_str(), sums[0].orders), ("acme", 1));
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn i14_subqueries_show_own_rows_only() {
    let shop = Shop::open().await;
    shop.db
        .read(&shop.a, async |tx| {
            let orders = || Query::select().column(order::Column::UserId).from(order::Entity).take();
            let users = user::Entity::find().filter(user::Column::Id.in_subquery(orders()));
            assert_eq!(users.all(tx).await?.len(), 1);
            let joined = product::Entity::find()
                .join(JoinType::InnerJoin, product::Relation::OrderLine.def())
                .filter(Expr::exists(order::Entity::find().into_query()));
            assert_eq!(joined.all(tx).await?.len(), 1);
            for sql in [
                "SELECT tenant_id FROM orders UNION ALL SELECT tenant_id FROM users",
                "WITH o AS (SELECT * FROM orders) SELECT tenant_id FROM o",
                "WITH RECURSIVE o AS (SELECT tenant_id, 1 AS n FROM orders UNION ALL \
                 SELECT orders.tenant_id, n + 1 FROM orders JOIN o ON n < 3) SELECT tenant_id FROM o",
                "SELECT tenant_id, count(*) OVER () FROM orders",
                "SELECT l.tenant_id FROM products p, LATERAL \
                 (SELECT * FROM order_lines WHERE product_id = p.id) l",
                "SELECT max(tenant_id) AS tenant_id FROM orders HAVING count(*) = \
                 (SELECT count(*) FROM users)",
                "SELECT tenant_id FROM orders ORDER BY (SELECT min(name) FROM users)",
            ] {
                let rows = tx
                    .query_all_raw(Statement::from_string(DbBackend::Postgres, sql))
                    .await?;
                assert!(!rows.is_empty(), "{sql}");
                for row in rows {
                    assert_eq!(row.try_get::<String>("", "tenant_id")?, "acme", "{sql}");
                }
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn i15_raw_sql_shows_own_rows_only() {
    let shop = Shop::open().await;
    shop.db
        .write(&shop.a, async |tx| {
            let custom = order::Entity::find().filter(Expr::cust("tenant_id = 'beta' OR true"));
            assert_eq!(custom.all(tx).await?.len(), 1);
            let tenant = "beta";
            let stolen = order::Entity::find()
                .from_raw_sql(sea_orm::raw_sql!(
                    Postgres,
                    r#"SELECT * FROM "orders" WHERE "tenant_id" = {tenant}"#
                ))
                .all(tx)
                .await?;
            assert!(stolen.is_empty());
            let updated = tx
                .execute_unprepared(
                    "SELECT 1; UPDATE orders SET total_cents = 0 WHERE tenant_id = 'beta'",
                )
                .await?;
            assert_eq!(
                updated.rows_affected(),
                1,
                "the one row is that of SELECT 1"
            );
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    assert_eq!(shop.order(&shop.b).await.total_cents, 10);
}

#[tokio::test]
async fn i16_open_stream_keeps_other_work_of_its_session_off() {
    let shop = Shop::open().await;
    shop.db
        .read(&shop.a, async |tx| {
            let statement =
                Statement::from_string(DbBackend::Postgres, "SELECT generate_series(1, 9)");
            let stream = tx.stream_raw(statement).await?;
            let other = order::Entity::find().all(tx).await.map_err(Error::from);
            assert_eq!(other.unwrap_err().kind(), ErrorKind::Session);
            drop(stream);
            assert_eq!(order::Entity::find().all(tx).await?.len(), 1);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn i17_statement_prepared_by_one_tenant_serves_the_other_its_own_rows() {
    let shop = Shop::with_pool(1).await;
    for _ in 0..10 {
        for (context, id) in [(&shop.a, "acme"), (&shop.b, "beta")] {
            let rows = shop
                .db
                .read(context, async |tx| order::Entity::find().all(tx).await);
            let rows = rows.await.unwrap();
            assert_eq!(
                rows.iter()
                    .map(|r| r.tenant_id.as_str())
                    .collect::<Vec<_>>(),
                [id]
            );
        }
    }
}

#[tokio::test]
async fn i18_row_locks_do_not_wait_for_foreign_rows() {
    let shop = Shop::open().await;
    let holder = shop.db.begin(&shop.b).unwrap();
    let held = order::Entity::find()
        .lock_exclusive()
        .all(&holder)
        .await
        .unwrap();
    assert_eq!(held.len(), 1);
    shop.db
        .write(&shop.a, async |tx| {
            tx.execute_unprepared("SET LOCAL lock_timeout = '100ms'")
                .await?;
            let mine = order::Entity::find().lock_exclusive().all(tx).await?;
            assert_eq!(mine.len(), 1);
            assert_eq!(mine[0].tenant_id, "acme");
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}
