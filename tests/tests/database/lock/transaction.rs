//! Advisory locks on the caller's session: who waits for whom, and until when.

use std::time::Duration;

use dotmac_database::LockError;
use dotmac_database::lock::PgLockKey;
use dotmac_database::prelude::*;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use crate::logs::Log;
use crate::support::{Shop, config, kind};

const SOON: Duration = Duration::from_millis(20);
/// Where it is reached, something waits that should not.
const LATE: Duration = Duration::from_secs(20);

/// Whether a session of the context would get the lock now.
async fn is_free(shop: &Shop, context: &RequestContext, key: impl Into<PgLockKey>) -> bool {
    let tx = shop.db.begin(context).unwrap();
    let free = tx.try_advisory_lock(key).await.unwrap();
    tx.rollback().await.unwrap();
    free
}

/// Waits until the lock is free: where a session is dropped, its rollback runs in the background.
async fn until_free(shop: &Shop, key: &str) {
    let free = async { while !is_free(shop, &shop.a, key).await {} };
    tokio::time::timeout(LATE, free)
        .await
        .expect("is given back");
}

async fn until_somebody_waits(admin: &DatabaseConnection) {
    let sql = "SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
               WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted";
    let waiting = Statement::from_string(DbBackend::Postgres, sql);
    while admin
        .query_one_raw(waiting.clone())
        .await
        .unwrap()
        .is_none()
    {}
}

#[tokio::test]
async fn p01_commit_rollback_drop_and_panic_give_the_lock_back() {
    let shop = Shop::open().await;
    for end in ["commit", "rollback", "drop", "panic"] {
        let tx = shop.db.begin(&shop.a).unwrap();
        tx.advisory_lock("counters").await.unwrap();
        assert!(!is_free(&shop, &shop.a, "counters").await, "{end}");
        match end {
            "commit" => tx.commit().await.unwrap(),
            "rollback" => tx.rollback().await.unwrap(),
            "drop" => drop(tx),
            _ => {
                let task = tokio::spawn(async move {
                    let _held = tx;
                    panic!("with the lock held");
                });
                assert!(task.await.unwrap_err().is_panic());
            }
        }
        until_free(&shop, "counters").await;
    }
}

#[tokio::test]
async fn lock_of_a_nested_session_goes_when_that_is_rolled_back() {
    let shop = Shop::open().await;
    let tx = shop.db.begin(&shop.a).unwrap();
    tx.execute_unprepared("SELECT 1").await.unwrap();
    let nested = tx.nested().unwrap();
    nested.advisory_lock("undone").await.unwrap();
    drop(nested);
    let nested = tx.nested().unwrap();
    nested.advisory_lock("kept").await.unwrap();
    nested.commit().await.unwrap();
    tx.savepoint("here").unwrap();
    tx.advisory_lock("after").await.unwrap();
    assert!(!is_free(&shop, &shop.a, "after").await);
    tx.roll_back_to("here").unwrap();
    // What ends a savepoint travels with the next statement.
    tx.execute_unprepared("SELECT 1").await.unwrap();
    assert!(is_free(&shop, &shop.a, "undone").await);
    assert!(is_free(&shop, &shop.a, "after").await);
    assert!(!is_free(&shop, &shop.a, "kept").await);
    tx.commit().await.unwrap();
    assert!(is_free(&shop, &shop.a, "kept").await);
}

#[tokio::test]
async fn p05_wait_in_vain_leaves_the_transaction_usable() {
    let shop = Shop::open().await;
    let holder = shop.db.begin(&shop.a).unwrap();
    holder.advisory_lock("counters").await.unwrap();
    let written = shop.db.write(&shop.a, async |tx| {
        tx.execute_unprepared("UPDATE orders SET total_cents = 77")
            .await?;
        for _ in 0..2 {
            let error = tx.advisory_lock_within("counters", SOON).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::LockTimeout);
            assert!(
                matches!(&error, Error::Lock(LockError::TimedOut { name, waited }) if name == "counters" && *waited == SOON),
                "{error}"
            );
            let shared = tx.advisory_lock_shared_within("counters", SOON).await;
            assert_eq!(kind(shared), ErrorKind::LockTimeout);
        }
        assert!(!tx.try_advisory_lock("counters").await?);
        // What the limit was is what it is again, and a lock that is free is had within it.
        tx.advisory_lock_within("other", SOON).await?;
        let sql = "SELECT current_setting('lock_timeout')";
        let row = tx
            .query_one_raw(Statement::from_string(DbBackend::Postgres, sql))
            .await?;
        assert_eq!(row.unwrap().try_get_by_index::<String>(0)?, "0");
        assert!(!is_free(&shop, &shop.a, "other").await);
        Ok::<_, Error>(())
    });
    written.await.unwrap();
    holder.rollback().await.unwrap();
    assert_eq!(shop.order(&shop.a).await.total_cents, 77);
}

#[tokio::test]
async fn waiter_gets_the_lock_when_its_holder_ends() {
    let shop = Shop::open().await;
    let admin = shop.admin().await;
    for limited in [false, true] {
        let holder = shop.db.begin(&shop.a).unwrap();
        holder.advisory_lock("counters").await.unwrap();
        let waiting = shop.db.write(&shop.a, async |tx| match limited {
            true => tx.advisory_lock_within("counters", LATE).await,
            false => tx.advisory_lock("counters").await,
        });
        let release = async {
            until_somebody_waits(&admin).await;
            holder.commit().await.unwrap();
        };
        let (got, ()) = tokio::join!(waiting, release);
        got.unwrap();
    }
}

#[tokio::test]
async fn shared_locks_keep_out_the_exclusive_one_only() {
    let shop = Shop::open().await;
    let first = shop.db.begin(&shop.a).unwrap();
    first.advisory_lock_shared("report").await.unwrap();
    let second = shop.db.begin(&shop.a).unwrap();
    assert!(second.try_advisory_lock_shared("report").await.unwrap());
    second
        .advisory_lock_shared_within("report", SOON)
        .await
        .unwrap();
    assert!(!is_free(&shop, &shop.a, "report").await);
    drop(first);
    second.rollback().await.unwrap();
    until_free(&shop, "report").await;
    let holder = shop.db.begin(&shop.a).unwrap();
    holder.advisory_lock("report").await.unwrap();
    let third = shop.db.begin(&shop.a).unwrap();
    assert!(!third.try_advisory_lock_shared("report").await.unwrap());
}

#[tokio::test]
async fn p09_tenants_have_different_locks_of_one_name() {
    let shop = Shop::open().await;
    let tx = shop.db.begin(&shop.a).unwrap();
    tx.advisory_lock("counters").await.unwrap();
    assert!(is_free(&shop, &shop.b, "counters").await);
    assert!(is_free(&shop, &shop.b, PgLockKey::global("counters")).await);
    for key in [
        PgLockKey::global("month"),
        PgLockKey::compat("job"),
        PgLockKey::number(7),
        PgLockKey::pair(7, 8),
    ] {
        tx.advisory_lock(key.clone()).await.unwrap();
        assert!(!is_free(&shop, &shop.b, key).await);
    }
    // PostgreSQL keeps one number and two apart.
    assert!(is_free(&shop, &shop.b, (0, 7)).await);
    // The number that a Python program takes for that name.
    let sql = "SELECT pg_try_advisory_lock(-7071260758707571268)";
    let admin = shop.admin().await;
    let python = Statement::from_string(DbBackend::Postgres, sql);
    let row = admin.query_one_raw(python).await.unwrap().unwrap();
    assert!(!row.try_get_by_index::<bool>(0).unwrap());
}

#[tokio::test]
async fn lock_is_one_statement_on_the_one_connection_that_the_session_has() {
    let shop = Shop::open().await;
    let db = Database::connect(
        config(&shop.name)
            .pool_size(1)
            .max_overflow(0)
            .application_name("counted")
            .echo(true),
    )
    .await
    .unwrap();
    let log = Log::default();
    let guard = log.capture();
    let statements = || log.text().matches("sqlx::query:").count();
    let tx = db.begin(&shop.a).unwrap();
    tx.execute_unprepared("SELECT 1").await.unwrap();
    let before = statements();
    assert!(before > 0);
    tx.advisory_lock("counters").await.unwrap();
    assert_eq!(statements() - before, 1, "{}", log.text());
    assert!(tx.try_advisory_lock("others").await.unwrap());
    assert_eq!(statements() - before, 2, "{}", log.text());
    drop(guard);
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'counted'";
    let count = Statement::from_string(DbBackend::Postgres, sql);
    let row = shop.admin().await.query_one_raw(count).await.unwrap();
    assert_eq!(row.unwrap().try_get_by_index::<i64>(0).unwrap(), 1);
    tx.commit().await.unwrap();
}
