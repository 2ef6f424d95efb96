//! Whose locks in PostgreSQL an operator means: those of this database that somebody holds, and no others.

use std::time::Duration;

use dotmac_database::lock::{LockGuard, Locks};
use dotmac_database::prelude::*;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, QueryResult, Statement};
use tokio::time::Instant;

use crate::support::Shop;

const WAIT: Duration = Duration::from_secs(20);
/// The advisory locks of the database, and whether somebody waits for them.
const LOCKS: &str = "SELECT l.granted, l.classid::bigint::bit(32)::int, l.objid::bigint::bit(32)::int \
    FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
    WHERE d.datname = current_database() AND l.locktype = 'advisory'";

fn locks(shop: &Shop) -> Locks {
    Locks::postgres(&shop.db).unwrap()
}

async fn hold(shop: &Shop) -> LockGuard {
    let lock = locks(shop).lock("import").unwrap();
    let context = shop.a.clone();
    let held = tokio::spawn(async move { lock.acquire(&context, WAIT).await });
    held.await.unwrap().unwrap()
}

async fn rows(admin: &DatabaseConnection) -> Vec<QueryResult> {
    let locks = Statement::from_string(DbBackend::Postgres, LOCKS);
    admin.query_all_raw(locks).await.unwrap()
}

#[tokio::test]
async fn those_of_another_database_and_those_who_wait_are_neither_listed_nor_ended() {
    let (shop, other) = (Shop::open().await, Shop::open().await);
    let (_here, there) = (hold(&shop).await, hold(&other).await);
    let (lock, context) = (locks(&shop).lock("import").unwrap(), shop.a.clone());
    let waits = tokio::spawn(async move { lock.acquire(&context, WAIT).await });
    let (admin, begun) = (shop.admin().await, Instant::now());
    let waiting = |row: &QueryResult| !row.try_get_by_index::<bool>(0).unwrap();
    while !rows(&admin).await.iter().any(waiting) {
        assert!(begun.elapsed() < WAIT);
    }
    let operator = locks(&shop);
    assert_eq!(operator.holders(&shop.a).await.unwrap().len(), 1);
    assert!(operator.force_release(&shop.a, "import").await.unwrap());
    assert!(waits.await.unwrap().unwrap().is_valid());
    there.renew().await.unwrap();
}

#[tokio::test]
async fn shared_lock_of_a_session_and_a_lock_on_a_pair_are_not_taken_away() {
    let shop = Shop::open().await;
    let (admin, operator) = (shop.admin().await, locks(&shop));
    let guard = hold(&shop).await;
    let [held] = &rows(&admin).await[..] else {
        panic!("one is held");
    };
    let half = |index: usize| -> i32 { held.try_get_by_index(index).unwrap() };
    let pair = format!("({}, {})", half(1), half(2));
    guard.release().await.unwrap();
    let tx = admin.begin().await.unwrap();
    let lock = format!("SELECT pg_advisory_xact_lock{pair}");
    tx.execute_unprepared(&lock).await.unwrap();
    let shared = shop.db.begin(&shop.a).unwrap();
    shared.advisory_lock_shared("import").await.unwrap();
    assert_eq!(rows(&admin).await.len(), 2);
    assert!(!operator.force_release(&shop.a, "import").await.unwrap());
    shared.commit().await.unwrap();
    tx.commit().await.unwrap();
}
