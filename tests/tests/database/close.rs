//! The end of a program: what `close` and `close_within` wait for, refuse and cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dotmac_database::prelude::*;
use dotmac_database::testing::in_memory;
use futures_util::FutureExt;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::support::{HeldLock, Shop, kind, set_total};

/// Passes in no test.
const LONG: Duration = Duration::from_secs(60);
const AT_ONCE: Duration = Duration::ZERO;

#[tokio::test]
async fn close_waits_for_open_sessions_and_refuses_new_ones() {
    let shop = Shop::open().await;
    let open = shop.db.begin(&shop.a).unwrap();
    set_total(&open, 77).await;
    let unused = shop.db.begin(&shop.a).unwrap();
    let closing = shop.db.close_within(LONG);
    let work = async {
        while !shop.db.health().await.closing {}
        assert_eq!(
            kind(unused.execute_unprepared("SELECT 1").await),
            ErrorKind::Closed
        );
        let refused = shop
            .db
            .read(&shop.a, async |tx| tx.execute_unprepared("SELECT 1").await);
        assert_eq!(kind(refused.await), ErrorKind::Closed);
        // The open one goes on, and ends well.
        open.execute_unprepared("SELECT 1").await.unwrap();
        open.commit().await.unwrap();
    };
    let (closed, ()) = tokio::join!(closing, work);
    assert_eq!(closed.cut_off, 0);
    assert_eq!(total_of_all(&shop).await, [10, 77]);
}

#[tokio::test]
async fn close_waits_for_a_rollback_in_the_background() {
    let shop = Shop::open().await;
    let session = shop.db.begin(&shop.a).unwrap();
    set_total(&session, 77).await;
    drop(session);
    let closed = shop.db.close_within(LONG).await;
    assert_eq!(closed.cut_off, 0);
    assert_eq!(shop.db.statistics().sessions.open, 0);
    assert_eq!(total_of_all(&shop).await, [10, 10]);
}

#[tokio::test]
async fn close_waits_for_a_commit_that_nobody_waits_for() {
    let shop = Shop::open().await;
    let session = shop.db.begin(&shop.a).unwrap();
    set_total(&session, 77).await;
    // Polled once, and dropped.
    drop(session.commit().now_or_never());
    let closed = shop.db.close_within(LONG).await;
    assert_eq!(closed.cut_off, 0);
    assert_eq!(total_of_all(&shop).await, [10, 77]);
}

#[tokio::test]
async fn close_waits_for_actions_after_commit() {
    let shop = Shop::open().await;
    let session = shop.db.begin(&shop.a).unwrap();
    set_total(&session, 77).await;
    let (finish, finished) = tokio::sync::oneshot::channel::<()>();
    let done = Arc::new(AtomicBool::new(false));
    let doing = Arc::clone(&done);
    session
        .after_commit(async move || {
            finished.await.unwrap();
            doing.store(true, Ordering::Relaxed);
        })
        .unwrap();
    drop(session.commit().now_or_never());
    let mut closing = Box::pin(shop.db.close_within(LONG));
    // Committed, and yet not closed.
    while total_of_all(&shop).await != [10, 77] || !shop.db.health().await.closing {
        assert!((&mut closing).now_or_never().is_none());
    }
    assert!((&mut closing).now_or_never().is_none());
    finish.send(()).unwrap();
    assert_eq!(closing.await.cut_off, 0);
    assert!(done.load(Ordering::Relaxed));
}

#[tokio::test]
async fn deadline_cuts_off_what_is_open_and_closes_its_connections() {
    let shop = Shop::open().await;
    let lock = HeldLock::take(&shop).await;
    let idle = shop.db.begin(&shop.a).unwrap();
    set_total(&idle, 77).await;
    let running = shop.db.begin(&shop.b).unwrap();
    let mut statement = Box::pin(running.execute_unprepared(HeldLock::WAIT));
    assert!((&mut statement).now_or_never().is_none());
    let (closed, ended) = tokio::join!(shop.db.close_within(AT_ONCE), statement);
    assert_eq!(closed.cut_off, 2);
    assert_eq!(kind(ended), ErrorKind::Closed);
    assert_eq!(
        kind(running.execute_unprepared("SELECT 1").await),
        ErrorKind::Closed
    );
    assert_eq!(
        kind(idle.execute_unprepared("SELECT 1").await),
        ErrorKind::Closed
    );
    assert_eq!(kind(idle.commit().await), ErrorKind::Closed);
    drop(running);
    lock.release().await;
    // The server finds the connections closed, and rolls back.
    while connections(&shop).await > 0 {}
    assert_eq!(total_of_all(&shop).await, [10, 10]);
}

#[tokio::test]
async fn close_can_be_called_again_and_after_its_future_was_dropped() {
    let shop = Shop::open().await;
    let open = shop.db.begin(&shop.a).unwrap();
    set_total(&open, 77).await;
    assert!(shop.db.close_within(LONG).now_or_never().is_none());
    open.commit().await.unwrap();
    shop.db.close().await;
    assert_eq!(shop.db.close_within(LONG).await.cut_off, 0);
    assert_eq!(total_of_all(&shop).await, [10, 77]);
}

#[tokio::test]
async fn deadline_cuts_off_on_sqlite_too() {
    let db = in_memory().await.unwrap();
    let context = RequestContext::tenant("acme").unwrap();
    let open = db.begin(&context).unwrap();
    open.execute_unprepared("SELECT 1").await.unwrap();
    assert_eq!(db.close_within(AT_ONCE).await.cut_off, 1);
    assert_eq!(
        kind(open.execute_unprepared("SELECT 1").await),
        ErrorKind::Closed
    );
}

async fn total_of_all(shop: &Shop) -> Vec<i64> {
    let sql = "SELECT total_cents AS total FROM orders ORDER BY 1";
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let rows = shop.admin().await.query_all_raw(statement).await.unwrap();
    rows.iter()
        .map(|it| it.try_get("", "total").unwrap())
        .collect()
}

/// How many connections the application has to the database.
async fn connections(shop: &Shop) -> i64 {
    let sql = "SELECT count(*) AS count FROM pg_stat_activity \
               WHERE datname = current_database() AND usename = 'shop_app'";
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let row = shop.admin().await.query_one_raw(statement).await.unwrap();
    row.unwrap().try_get("", "count").unwrap()
}
