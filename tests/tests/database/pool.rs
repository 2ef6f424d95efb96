//! I30, I32: what one session leaves on a connection never meets the next.

use std::sync::Arc;

use dotmac_database::prelude::*;
use migration::entity::order;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::support::{HeldLock, Shop, set_total, url};

#[tokio::test]
async fn i30_a_thousand_sessions_in_random_order_on_one_connection() {
    let shop = Shop::with_pool(1).await;
    let nobody = RequestContext::without_tenant();
    // A small linear congruential generator (Numerical Recipes): the order is the same every time.
    let mut random = 42_u32;
    for n in 0..1_000 {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (context, expected) = match random >> 24 {
            0..90 => (&shop.a, Some("acme")),
            90..180 => (&shop.b, Some("beta")),
            _ => (&nobody, None),
        };
        // Without a tenant, tenant-aware tables are refused before SQL: look at the setting.
        let sql = match expected {
            Some(_) => "SELECT string_agg(tenant_id, ',') FROM orders",
            None => "SELECT current_setting('app.current_tenant_id')",
        };
        let session = match n % 2 {
            0 => shop.db.begin(context).unwrap(),
            _ => shop
                .db
                .begin_with(context, SessionOptions::read_only())
                .unwrap(),
        };
        let row = session
            .query_one_raw(Statement::from_string(DbBackend::Postgres, sql))
            .await
            .unwrap()
            .unwrap();
        let found: Option<String> = row.try_get_by_index(0).unwrap();
        assert_eq!(found.unwrap_or_default(), expected.unwrap_or_default());
        match n % 3 {
            0 => session.commit().await.unwrap(),
            1 => session.rollback().await.unwrap(),
            _ => drop(session),
        }
    }
    assert_clean(&shop).await;
}

/// The one connection of the pool is outside any transaction and has no context.
async fn assert_clean(shop: &Shop) {
    let plain = shop.db.plain();
    let sql = "SELECT coalesce(current_setting('app.current_tenant_id', true), '') AS tenant, \
               pg_current_xact_id_if_assigned()::text AS xact, \
               (SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' \
                AND datname = current_database()) AS idle";
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let row = plain.query_one_raw(statement).await.unwrap().unwrap();
    assert_eq!(row.try_get::<String>("", "tenant").unwrap(), "");
    assert_eq!(row.try_get::<Option<String>>("", "xact").unwrap(), None);
    assert_eq!(row.try_get::<i64>("", "idle").unwrap(), 0);
}

#[tokio::test]
async fn i32_cancelled_query_leaves_nothing_behind() {
    let shop = Shop::with_pool(1).await;
    let session = shop.db.begin(&shop.a).unwrap();
    set_total(&session, 77).await;
    let lock = HeldLock::take(&shop).await;
    lock.cancel(session.execute_unprepared(HeldLock::WAIT))
        .await;
    drop(session);
    // The rollback waits behind the statement and is given up: the pool opens a new connection.
    assert_eq!(shop.order(&shop.b).await.tenant_id, "beta");
    assert_eq!(shop.order(&shop.a).await.total_cents, 10);
    lock.release().await;
}

#[tokio::test]
async fn i32_dropped_session_is_rolled_back() {
    let shop = Shop::with_pool(1).await;
    let session = shop.db.begin(&shop.a).unwrap();
    set_total(&session, 77).await;
    drop(session);
    assert_eq!(shop.order(&shop.a).await.total_cents, 10);
    assert_clean(&shop).await;
}

#[tokio::test]
async fn i32_panic_in_the_work_rolls_back() {
    let shop = Arc::new(Shop::with_pool(1).await);
    let inside = Arc::clone(&shop);
    let task = tokio::spawn(async move {
        inside
            .db
            .write(&inside.a, async |tx| {
                tx.execute_unprepared("UPDATE orders SET total_cents = 77")
                    .await?;
                assert_eq!(order::Entity::find().count_all(tx).await, 0, "on purpose");
                Ok::<_, Error>(())
            })
            .await
    });
    assert!(task.await.unwrap_err().is_panic());
    assert_eq!(shop.order(&shop.a).await.total_cents, 10);
    assert_clean(&shop).await;
}

trait CountAll {
    async fn count_all(self, tx: &Session) -> u64;
}

impl CountAll for sea_orm::Select<order::Entity> {
    async fn count_all(self, tx: &Session) -> u64 {
        sea_orm::PaginatorTrait::count(self, tx).await.unwrap()
    }
}

#[tokio::test]
async fn i32_session_dropped_outside_a_runtime_closes_its_connection() {
    let shop = Shop::with_pool(1).await;
    let session = shop.db.begin(&shop.a).unwrap();
    set_total(&session, 77).await;
    std::thread::spawn(move || drop(session)).join().unwrap();
    assert_eq!(shop.order(&shop.a).await.total_cents, 10);
    assert_clean(&shop).await;
}

#[tokio::test]
async fn i33_what_raw_sql_leaves_on_a_connection_is_taken_away() {
    let shop = Shop::with_pool(1).await;
    let temporary = format!("GRANT TEMPORARY ON DATABASE {} TO PUBLIC", shop.name);
    shop.admin()
        .await
        .execute_unprepared(&temporary)
        .await
        .unwrap();
    shop.db
        .write(&shop.a, async |tx| {
            for sql in [
                "DECLARE c CURSOR WITH HOLD FOR SELECT tenant_id FROM orders",
                "CREATE TEMPORARY TABLE orders AS SELECT * FROM orders",
                "LISTEN secrets",
                "SELECT pg_advisory_lock(1); SELECT 1",
                "DO $$ BEGIN PERFORM set_config('app.current_tenant_id', 'acme', false); END $$",
            ] {
                tx.execute_unprepared(sql).await?;
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let plain = shop.db.plain();
    assert!(order::Entity::find().all(&plain).await.unwrap().is_empty());
    let left = "SELECT (SELECT count(*) FROM pg_cursors WHERE is_holdable) + (SELECT count(*) FROM pg_listening_channels()) \
                + (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())";
    let statement = Statement::from_string(DbBackend::Postgres, left);
    let row = plain.query_one_raw(statement).await.unwrap().unwrap();
    assert_eq!(row.try_get_by_index::<i64>(0).unwrap(), 0);
    assert_eq!(shop.order(&shop.b).await.tenant_id, "beta");
}

#[tokio::test]
async fn i35_connection_lost_before_the_first_statement_runs_nothing() {
    let shop = Shop::with_pool(1).await;
    let session = shop.db.begin(&shop.a).unwrap();
    order::Entity::find().all(&session).await.unwrap();
    let admin = shop.admin().await;
    admin
        .execute_unprepared(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE usename = 'shop_app' AND datname = current_database()",
        )
        .await
        .unwrap();
    let lost = order::Entity::find()
        .all(&session)
        .await
        .map_err(Error::from);
    assert_eq!(lost.unwrap_err().kind(), ErrorKind::ConnectionLost);
    // The session is over: no statement of it runs on another connection without its context.
    assert!(order::Entity::find().all(&session).await.is_err());
    assert!(session.commit().await.is_err());
    assert_eq!(shop.order(&shop.a).await.tenant_id, "acme");
}

#[tokio::test]
async fn pool_that_is_exhausted_is_a_typed_error() {
    let shop = Shop::open().await;
    let config = DatabaseConfig::new(&url(&shop.name))
        .unwrap()
        .pool_size(1)
        .max_overflow(0)
        .pool_timeout(std::time::Duration::from_secs(3));
    let db = Database::connect(config).await.unwrap();
    let holder = db.begin(&shop.a).unwrap();
    order::Entity::find().all(&holder).await.unwrap();
    let waiting = db.read(&shop.b, async |tx| order::Entity::find().all(tx).await);
    let error = Error::from(waiting.await.unwrap_err());
    assert_eq!(error.kind(), ErrorKind::PoolTimeout);
}

#[tokio::test]
async fn session_without_statements_takes_no_connection() {
    let shop = Shop::with_pool(1).await;
    let idle: Vec<_> = (0..10).map(|_| shop.db.begin(&shop.a).unwrap()).collect();
    assert_eq!(shop.order(&shop.a).await.tenant_id, "acme");
    for session in idle {
        session.commit().await.unwrap();
    }
}
