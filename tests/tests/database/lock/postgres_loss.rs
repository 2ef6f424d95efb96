//! Locks in PostgreSQL that are lost: the holder learns of it, and nothing of the connection is used again.

use std::time::Duration;

use dotmac_database::LockError;
use dotmac_database::lock::{LockGuard, Locks, Released};
use dotmac_database::prelude::*;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::fault_proxy::{Fault, FaultProxy};
use crate::pgbouncer::PgBouncer;
use crate::support::{Shop, kind, server, url};

const WAIT: Duration = Duration::from_secs(20);
/// Renewed at a third of it.
const TTL: Duration = Duration::from_millis(1_500);
/// So long that it is told whether a renewal or the end of the lease has noticed a loss.
const LONG: Duration = Duration::from_secs(6);

async fn hold(locks: &Locks, context: &RequestContext) -> LockGuard {
    let (lock, context) = (locks.lock("import").unwrap(), context.clone());
    let lock = lock.with_ttl(TTL).unwrap();
    let held = tokio::spawn(async move { lock.acquire(&context, WAIT).await });
    held.await.unwrap().unwrap()
}

async fn is_lost(guard: &LockGuard) {
    tokio::time::timeout(WAIT, guard.lost())
        .await
        .expect("learns of the loss");
    assert!(!guard.is_valid());
}

async fn terminate_holders(shop: &Shop) -> usize {
    let sql = "SELECT pg_terminate_backend(l.pid) FROM pg_locks l \
               JOIN pg_database d ON d.oid = l.database \
               WHERE d.datname = current_database() AND l.locktype = 'advisory'";
    let terminate = Statement::from_string(DbBackend::Postgres, sql);
    let admin = shop.admin().await;
    admin.query_all_raw(terminate).await.unwrap().len()
}

#[tokio::test]
async fn p03_loss_of_the_backend_is_signalled_within_a_renewal() {
    let shop = Shop::open().await;
    let locks = Locks::postgres_with(&shop.db, 1).unwrap();
    let long = locks.lock("import").unwrap().with_ttl(LONG).unwrap();
    let guard = long.acquire(&shop.a, WAIT).await.unwrap();
    let before = guard.fence();
    assert_eq!(terminate_holders(&shop).await, 1);
    // By its end it would be lost anyway; a renewal is a third of that.
    let renewed = tokio::time::timeout(LONG - Duration::from_secs(1), guard.lost()).await;
    renewed.expect("learns of the loss from a renewal");
    assert!(!guard.is_valid());
    assert_eq!(guard.release().await.unwrap(), Released::WasLost);
    // The one connection is another now.
    let again = hold(&locks, &shop.a).await;
    assert!(before < again.fence());
    again.renew().await.unwrap();
    assert_eq!(again.release().await.unwrap(), Released::Now);
}

#[tokio::test]
async fn p03_release_of_a_lock_that_went_with_its_backend_says_so() {
    let shop = Shop::open().await;
    let locks = Locks::postgres_with(&shop.db, 1).unwrap();
    let guard = hold(&locks, &shop.a).await;
    terminate_holders(&shop).await;
    assert_eq!(guard.release().await.unwrap(), Released::WasLost);
    let guard = hold(&locks, &shop.a).await;
    terminate_holders(&shop).await;
    assert_eq!(kind(guard.renew().await), ErrorKind::LockLost);
    drop(guard);
    assert!(hold(&locks, &shop.a).await.is_valid());
}

#[tokio::test]
async fn lock_is_held_for_longer_than_its_time_to_live() {
    let shop = Shop::open().await;
    let locks = Locks::postgres(&shop.db).unwrap();
    let guard = hold(&locks, &shop.a).await;
    let lost = tokio::time::timeout(TTL * 2, guard.lost()).await;
    assert!(lost.is_err(), "it is renewed");
    assert!(guard.is_valid());
    assert_eq!(guard.release().await.unwrap(), Released::Now);
}

#[tokio::test]
async fn lock_that_is_taken_away_is_lost() {
    let shop = Shop::open().await;
    let [here, there] = [(); 2].map(|()| Locks::postgres(&shop.db).unwrap());
    assert!(!there.force_release(&shop.a, "import").await.unwrap());
    let guard = hold(&here, &shop.a).await;
    assert!(!there.force_release(&shop.b, "import").await.unwrap());
    assert!(there.force_release(&shop.a, "import").await.unwrap());
    // Free at once, before its holder knows.
    let next = there.lock("import").unwrap();
    let next = next.try_acquire(&shop.a).await.unwrap();
    assert!(next.is_some());
    is_lost(&guard).await;
    assert!(next.unwrap().is_valid());
}

#[tokio::test]
async fn p08_unlock_that_was_in_vain_is_an_error() {
    let shop = Shop::open().await;
    // A PgBouncer that nobody told of: it does not even refuse the settings.
    let bouncer = PgBouncer::that_hides(2);
    let config = bouncer.config(&shop).pgbouncer(false);
    let hidden = Database::connect(config).await.unwrap();
    let locks = Locks::postgres_with(&hidden, 1).unwrap();
    let guard = hold(&locks, &shop.a).await;
    // Takes the server connection that was used last, which has the lock.
    let bounced = Database::connect(bouncer.config(&shop)).await.unwrap();
    let tx = bounced.begin(&shop.a).unwrap();
    tx.execute_unprepared("SELECT 1").await.unwrap();
    let released = guard.release().await;
    assert!(
        matches!(released, Err(Error::Lock(LockError::Lost { .. }))),
        "{released:?}"
    );
    tx.rollback().await.unwrap();
}

/// Locks behind a proxy before the server.
async fn behind(proxy: &FaultProxy, shop: &Shop) -> Locks {
    let (direct, faulty) = (server().port().to_string(), proxy.port().to_string());
    let config = DatabaseConfig::new(&url(&shop.name).replace(&direct, &faulty)).unwrap();
    let db = Database::connect(config.pool_size(2)).await.unwrap();
    Locks::postgres_with(&db, 2).unwrap()
}

async fn is_free(shop: &Shop) -> bool {
    let tx = shop.db.begin(&shop.a).unwrap();
    tx.try_advisory_lock("import").await.unwrap()
}

async fn until_free(shop: &Shop) {
    let free = async { while !is_free(shop).await {} };
    tokio::time::timeout(WAIT, free).await.expect("is free");
}

#[tokio::test]
async fn lock_whose_answer_is_lost_is_free_again() {
    let shop = Shop::open().await;
    let proxy = FaultProxy::start(server().port());
    let locks = behind(&proxy, &shop).await;
    proxy.next("PERFORM pg_advisory_lock", Fault::ReplyLost);
    let lock = locks.lock("import").unwrap();
    let asked = lock.try_acquire(&shop.a).await;
    assert!(
        matches!(asked, Err(Error::Lock(LockError::Unavailable { .. }))),
        "{asked:?}"
    );
    assert_eq!(proxy.happened(), 1);
    until_free(&shop).await;
    let guard = hold(&locks, &shop.a).await;
    proxy.next("pg_advisory_unlock", Fault::ReplyLost);
    // It may have been lost before: the careful answer.
    assert_eq!(guard.release().await.unwrap(), Released::WasLost);
    assert_eq!(proxy.happened(), 2);
    until_free(&shop).await;
}

#[tokio::test]
async fn p02_connection_whose_answer_is_late_is_closed_and_not_used_again() {
    let shop = Shop::open().await;
    let proxy = FaultProxy::start(server().port());
    let locks = behind(&proxy, &shop).await;
    // The answer that says that the lock was taken.
    proxy.next("current_setting", Fault::MessageLate);
    let lock = locks.lock("import").unwrap();
    let asked = lock.try_acquire(&shop.a).await;
    assert!(
        matches!(asked, Err(Error::Lock(LockError::Unavailable { .. }))),
        "{asked:?}"
    );
    assert_eq!(proxy.happened(), 1);
    until_free(&shop).await;
    proxy.release();
    assert!(hold(&locks, &shop.a).await.is_valid());
}

#[tokio::test]
async fn silent_server_costs_the_lock_after_its_time_to_live_and_not_before() {
    let shop = Shop::open().await;
    let proxy = FaultProxy::start(server().port());
    let locks = behind(&proxy, &shop).await;
    let guard = hold(&locks, &shop.a).await;
    // Away for less than the lease.
    proxy.freeze();
    assert!(tokio::time::timeout(TTL / 2, guard.lost()).await.is_err());
    proxy.thaw();
    assert!(tokio::time::timeout(TTL * 2, guard.lost()).await.is_err());
    proxy.half_open();
    is_lost(&guard).await;
    // The server heard the end of the connection, and the next holder has one of its own.
    until_free(&shop).await;
    assert!(hold(&locks, &shop.a).await.is_valid());
}
