//! Statements of an attacker who can run any SQL as the application, in a session of his tenant.

use dotmac_database::prelude::*;
use migration::entity::order;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::support::{Shop, kind};

/// What the role may not do.
const DENIED: [&str; 16] = [
    "TRUNCATE orders",
    "COPY orders FROM '/etc/passwd'",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "ALTER TABLE orders DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE orders NO FORCE ROW LEVEL SECURITY",
    "CREATE POLICY mine ON orders USING (true)",
    "DROP POLICY dotmac_tenant ON orders",
    "CREATE TRIGGER t BEFORE INSERT ON orders EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE TABLE mine (n int)",
    "CREATE TEMPORARY TABLE mine (n int)",
    "CREATE VIEW mine AS SELECT * FROM orders",
    // A leaky function that costs nothing would run before the policy, if it could be made.
    "CREATE FUNCTION leak(text) RETURNS boolean LANGUAGE sql COST 0.0001 AS 'SELECT true'",
    "CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
    "CREATE SCHEMA mine",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT lo_import('/etc/passwd')",
];

/// What shows rows, if at all, of the session's tenant only; each row has its tenant first.
const SELECTS: [&str; 14] = [
    "TABLE orders",
    "SELECT tenant_id FROM ONLY orders",
    "SELECT tenant_id FROM orders TABLESAMPLE SYSTEM (100)",
    "SELECT tenant_id FROM orders WHERE tenant_id = 'beta' OR true",
    "SELECT tenant_id FROM orders o RIGHT JOIN (VALUES (1)) v (n) ON true",
    "SELECT x.tenant_id FROM (VALUES (1)) v (n), LATERAL (SELECT * FROM orders) x",
    "SELECT tenant_id FROM orders INTERSECT SELECT tenant_id FROM users",
    "WITH x AS (SELECT tenant_id FROM orders FOR UPDATE) SELECT tenant_id FROM x",
    "WITH x AS MATERIALIZED (SELECT * FROM orders) SELECT tenant_id FROM x",
    "WITH x AS (UPDATE orders SET total_cents = 10 RETURNING tenant_id) SELECT tenant_id FROM x",
    "SELECT tenant_id FROM orders GROUP BY GROUPING SETS ((tenant_id))",
    "SELECT DISTINCT ON (tenant_id) tenant_id FROM orders ORDER BY tenant_id",
    "SELECT tenant_id FROM orders WHERE id IN (SELECT order_id FROM order_lines) FOR SHARE SKIP LOCKED",
    "SELECT (xpath('//tenant_id/text()', x))[1]::text FROM table_to_xml('orders', true, true, '') x",
];

#[tokio::test]
async fn i29_statements_beyond_rows_are_denied() {
    let shop = Shop::open().await;
    for sql in DENIED {
        let done = shop
            .db
            .write(&shop.a, async |tx| tx.execute_unprepared(sql).await);
        let error = Error::from(done.await.map(|it| it.rows_affected()).expect_err(sql));
        let code = error.kind();
        assert_eq!(code, ErrorKind::Denied, "{sql}: {error:?}");
    }
}

#[tokio::test]
async fn i14_no_clause_shows_a_foreign_row() {
    let shop = Shop::open().await;
    for sql in SELECTS {
        let work = async |tx: &Session| {
            let statement = Statement::from_string(DbBackend::Postgres, sql);
            let rows = tx.query_all_raw(statement).await?;
            assert!(!rows.is_empty(), "{sql}");
            for row in rows {
                let tenant: String = match sql.starts_with("TABLE") {
                    true => row.try_get("", "tenant_id")?,
                    false => row.try_get_by_index(0)?,
                };
                assert_eq!(tenant, "acme", "{sql}");
            }
            Ok::<_, Error>(())
        };
        shop.db.write(&shop.a, work).await.expect(sql);
    }
}

#[tokio::test]
async fn i29_copy_to_the_client_needs_a_protocol_that_sessions_do_not_speak() {
    let shop = Shop::open().await;
    let copied = shop.db.write(&shop.a, async |tx| {
        tx.execute_unprepared("COPY orders TO STDOUT").await
    });
    assert!(copied.await.is_err());
    assert_eq!(shop.order(&shop.b).await.tenant_id, "beta");
}

#[tokio::test]
async fn merge_reaches_own_rows_only() {
    let shop = Shop::open().await;
    let before = shop.order(&shop.b).await;
    let merge = "MERGE INTO orders o USING (SELECT '1' AS number) n ON o.number = n.number \
                 WHEN MATCHED THEN UPDATE SET total_cents = 77";
    let merged = shop
        .db
        .write(&shop.a, async |tx| tx.execute_unprepared(merge).await);
    assert_eq!(merged.await.unwrap().rows_affected(), 1);
    assert_eq!(shop.order(&shop.b).await, before);
}

// PostgreSQL keeps the most common values of columns: whoever a policy binds does not see them.
#[tokio::test]
async fn statistics_of_protected_columns_are_not_shown() {
    let shop = Shop::open().await;
    let admin = shop.admin().await;
    admin
        .execute_unprepared("ANALYZE orders, products")
        .await
        .unwrap();
    let count = "SELECT count(*) FROM pg_stats WHERE tablename = 'orders'";
    let statement = || Statement::from_string(DbBackend::Postgres, count);
    let row = admin.query_one_raw(statement()).await.unwrap().unwrap();
    assert!(row.try_get_by_index::<i64>(0).unwrap() > 0);
    let work = async |tx: &Session| {
        let row = tx.query_one_raw(statement()).await?.unwrap();
        assert_eq!(row.try_get_by_index::<i64>(0)?, 0);
        let denied = tx.execute_unprepared("SELECT 1 FROM pg_statistic").await;
        assert_eq!(kind(denied), ErrorKind::Denied);
        Ok::<_, Error>(())
    };
    let session = shop.db.begin(&shop.a).unwrap();
    work(&session).await.unwrap();
}

#[tokio::test]
async fn errors_show_no_value_of_a_row() {
    let shop = Shop::open().await;
    let foreign = shop.order(&shop.b).await;
    let work = async |tx: &Session| {
        let clash = order::ActiveModel {
            id: Set(foreign.id),
            number: Set("77".into()),
            total_cents: Set(1),
            ..Default::default()
        };
        clash.insert(tx).await
    };
    let error = Error::from(shop.db.write(&shop.a, work).await.unwrap_err());
    assert_eq!(error.kind(), ErrorKind::Unique);
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains("beta"), "{text}");
        assert!(!text.contains(&foreign.id.to_string()), "{text}");
    }
}

// The policy sees what the statement's snapshot saw: a row that was given away meanwhile is lost to it.
#[tokio::test]
async fn cursor_of_one_session_is_gone_in_the_next() {
    let shop = Shop::with_pool(1).await;
    let open = "DECLARE c CURSOR FOR SELECT tenant_id FROM orders";
    let opened = shop
        .db
        .write(&shop.a, async |tx| tx.execute_unprepared(open).await);
    opened.await.unwrap();
    let fetched = shop.db.write(&shop.b, async |tx| {
        tx.execute_unprepared("FETCH ALL FROM c").await
    });
    assert!(fetched.await.is_err());
}
