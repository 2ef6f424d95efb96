//! SeaORM's own breadth on a session: nested saves, paginator, cursor, streams, raw statements.

use dotmac_database::prelude::*;
use futures_util::{StreamExt, TryStreamExt};
use migration::entity::{order, order_line, product, user};
use sea_orm::{
    ConnectionTrait, DbBackend, FromQueryResult, JsonValue, PaginatorTrait, Statement, StreamTrait,
};

use crate::support::Shop;

#[tokio::test]
async fn nested_active_model_saves() {
    let shop = Shop::open().await;
    let session = shop.db.begin(&shop.a).unwrap();
    let tx = &session;
    let product = product::Entity::find().one(tx).await.unwrap().unwrap();
    let line = |quantity: i32| {
        order_line::ActiveModel::builder()
            .set_product_id(product.id)
            .set_quantity(quantity)
    };
    let saved = user::ActiveModel::builder()
        .set_email("nested@example.com")
        .set_name("nested")
        .add_order(
            order::ActiveModel::builder()
                .set_number("n1")
                .set_total_cents(1_i64)
                .add_line(line(1))
                .add_line(line(2)),
        )
        .save(tx)
        .await
        .unwrap();
    assert_eq!(saved.orders.as_slice().len(), 1);
    let loaded = user::Entity::load()
        .filter(user::Column::Email.eq("nested@example.com"))
        .with((order::Entity, order_line::Entity))
        .one(tx)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(loaded.orders[0].lines.len(), 2);
    assert_eq!(loaded.orders[0].tenant_id, "acme");
    assert_eq!(loaded.orders[0].lines[0].tenant_id, "acme");
    // Append to what is loaded, and save again.
    let mut order = loaded.orders[0].clone().into_active_model();
    order.lines.push(line(3));
    order.total_cents = Set(5);
    order.save(tx).await.unwrap();
    let lines = order_line::Entity::find()
        .filter(order_line::Column::OrderId.eq(loaded.orders[0].id))
        .all(tx)
        .await
        .unwrap();
    assert_eq!(lines.len(), 3);
    session.commit().await.unwrap();
}

#[tokio::test]
async fn pages_cursors_and_streams() {
    let shop = Shop::open().await;
    let session = shop.db.begin(&shop.a).unwrap();
    let tx = &session;
    let orders = (0..25).map(|n| order::ActiveModel {
        id: Set(Uuid::now_v7()),
        number: Set(format!("p{n:02}")),
        total_cents: Set(n),
        ..Default::default()
    });
    order::Entity::insert_many(orders).exec(tx).await.unwrap();
    let select = || order::Entity::find().order_by_asc(order::Column::Number);
    let pages = select().paginate(tx, 10);
    assert_eq!(pages.num_pages().await.unwrap(), 3);
    assert_eq!(pages.fetch_page(2).await.unwrap().len(), 6);
    let mut by_page = select().paginate(tx, 10).into_stream();
    let mut sizes = Vec::new();
    while let Some(page) = by_page.try_next().await.unwrap() {
        sizes.push(page.len());
    }
    assert_eq!(sizes, [10, 10, 6]);
    drop(by_page);
    let mut cursor = order::Entity::find().cursor_by(order::Column::Number);
    let next = cursor.after("p05").first(3).all(tx).await.unwrap();
    assert_eq!(next[0].number, "p06");
    // A stream dropped in the middle leaves the session usable.
    let mut stream = select().stream(tx).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap().number, "1");
    drop(stream);
    // One that was read to its end has given the session back.
    let mut stream = select().stream(tx).await.unwrap();
    while stream.try_next().await.unwrap().is_some() {}
    assert_eq!(select().all(tx).await.unwrap().len(), 26);
    drop(stream);
    let streamed: Vec<_> = select()
        .stream(tx)
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(streamed.len(), 26);
    // A stream that fails aborts the unit of work.
    let failing = Statement::from_string(
        DbBackend::Postgres,
        "SELECT 1 / (3 - n) FROM generate_series(1, 5) n",
    );
    let rows: Result<Vec<_>, _> = tx.stream_raw(failing).await.unwrap().try_collect().await;
    assert!(rows.is_err());
    assert!(session.commit().await.is_err());
}

#[derive(Debug, FromQueryResult, PartialEq)]
struct Pair {
    number: String,
    name: String,
}

#[tokio::test]
async fn raw_statements_and_custom_results() {
    let shop = Shop::open().await;
    let session = shop.db.begin(&shop.a).unwrap();
    let tx = &session;
    let pairs = Pair::find_by_statement(Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT o.number, u.name FROM orders o JOIN users u ON u.id = o.user_id WHERE o.number = $1",
        ["1".into()],
    ))
    .all(tx)
    .await
    .unwrap();
    let expected = Pair {
        number: "1".into(),
        name: "ada of acme".into(),
    };
    assert_eq!(pairs, [expected]);
    let json: Vec<JsonValue> = JsonValue::find_by_statement(Statement::from_string(
        DbBackend::Postgres,
        "SELECT number FROM orders",
    ))
    .all(tx)
    .await
    .unwrap();
    assert_eq!(json, [serde_json::json!({"number": "1"})]);
    let statement =
        Statement::from_string(DbBackend::Postgres, "UPDATE orders SET total_cents = 3");
    assert_eq!(tx.execute_raw(statement).await.unwrap().rows_affected(), 1);
    let returned = order::Entity::update_many()
        .col_expr(order::Column::TotalCents, 4.into())
        .exec_with_returning(tx)
        .await
        .unwrap();
    assert_eq!(returned[0].total_cents, 4);
    let first_page = order::Entity::find()
        .paginate(tx, 1)
        .num_items_and_pages()
        .await
        .unwrap();
    assert_eq!(first_page.number_of_items, 1);
}
