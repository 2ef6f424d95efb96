//! Locks in PostgreSQL that outlast a transaction, on connections of their own.

use std::time::Duration;

use dotmac_database::LockError;
use dotmac_database::lock::{Lock, LockGuard, Locks, Released};
use dotmac_database::prelude::*;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::cancellation::{dripping, poll_times};
use crate::cluster::{Cluster, primary};
use crate::support::{B, Shop, context, kind, server};

const WAIT: Duration = Duration::from_secs(20);
const SOON: Duration = Duration::from_millis(50);

/// Runs as a task of its own: one task does not wait for itself.
async fn elsewhere<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    tokio::spawn(work).await.expect("ends")
}

/// Asks as another process would: by locks of its own.
async fn is_free(shop: &Shop, name: &str) -> bool {
    let lock = Locks::postgres(&shop.db).unwrap().lock(name).unwrap();
    lock.try_acquire(&shop.a).await.unwrap().is_some()
}

async fn until_free(shop: &Shop, name: &str) {
    let free = async { while !is_free(shop, name).await {} };
    tokio::time::timeout(WAIT, free)
        .await
        .expect("is given back");
}

async fn acquire(lock: &Lock, context: &RequestContext) -> LockGuard {
    let (lock, context) = (lock.clone(), context.clone());
    elsewhere(async move { lock.acquire(&context, WAIT).await })
        .await
        .unwrap()
}

/// How many connections hold or want advisory locks.
async fn lockers(shop: &Shop) -> i64 {
    let sql = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
               WHERE d.datname = current_database() AND l.locktype = 'advisory'";
    let count = Statement::from_string(DbBackend::Postgres, sql);
    let row = shop.admin().await.query_one_raw(count).await.unwrap();
    row.unwrap().try_get_by_index(0).unwrap()
}

#[tokio::test]
async fn lock_is_one_for_all_processes_and_the_sessions_of_the_tenant() {
    let shop = Shop::open().await;
    let lock = Locks::postgres(&shop.db).unwrap().lock("import").unwrap();
    let guard = lock.try_acquire(&shop.a).await.unwrap().unwrap();
    assert!(guard.is_valid());
    assert!(!is_free(&shop, "import").await);
    let tx = shop.db.begin(&shop.a).unwrap();
    assert!(!tx.try_advisory_lock("import").await.unwrap());
    let other = lock.try_acquire(&shop.b).await.unwrap();
    assert!(other.is_some(), "that of another tenant");
    assert_eq!(guard.release().await.unwrap(), Released::Now);
    assert!(tx.try_advisory_lock("import").await.unwrap());
    assert!(!is_free(&shop, "import").await);
    tx.commit().await.unwrap();
    assert!(is_free(&shop, "import").await);
}

#[tokio::test]
async fn waiter_of_another_process_gets_the_lock_when_it_is_given_back() {
    let shop = Shop::open().await;
    let [here, there] = [(); 2].map(|()| Locks::postgres(&shop.db).unwrap());
    let guard = acquire(&here.lock("import").unwrap(), &shop.a).await;
    let (lock, a) = (there.lock("import").unwrap(), shop.a.clone());
    let waiter = tokio::spawn(async move { lock.acquire(&a, WAIT).await });
    while lockers(&shop).await < 2 {}
    let first = guard.fence();
    assert_eq!(guard.release().await.unwrap(), Released::Now);
    let next = waiter.await.unwrap().unwrap();
    assert!(first < next.fence());
}

#[tokio::test]
async fn waiter_in_vain_is_told_after_that_time() {
    let shop = Shop::open().await;
    let [here, there] = [(); 2].map(|()| Locks::postgres(&shop.db).unwrap());
    let _guard = acquire(&here.lock("import").unwrap(), &shop.a).await;
    // Longer than an attempt, so that it asks several times.
    let wait = Duration::from_millis(900);
    let began = std::time::Instant::now();
    let asked = there.lock("import").unwrap().acquire(&shop.a, wait).await;
    assert!(
        matches!(asked, Err(Error::Lock(LockError::TimedOut { waited, .. })) if waited == wait),
        "{asked:?}"
    );
    assert!(began.elapsed() >= wait);
}

#[tokio::test]
async fn fence_grows_with_each_acquisition_and_from_an_older_server_to_a_newer() {
    let shop = Shop::open().await;
    let lock = Locks::postgres(&shop.db).unwrap().lock("import").unwrap();
    let mut last = None;
    for _ in 0..50 {
        let guard = acquire(&lock, &shop.a).await;
        assert!(last < Some(guard.fence()));
        last = Some(guard.fence());
        guard.release().await.unwrap();
    }
    let cluster = Cluster::open().await;
    let db = Database::connect(cluster.config()).await.unwrap();
    let there = Locks::postgres(&db).unwrap().lock("import").unwrap();
    let there = acquire(&there, &cluster.a).await.fence();
    let of_server = async |url: String| -> i64 {
        let admin = sea_orm::Database::connect(url).await.unwrap();
        let sql = "SELECT system_identifier FROM pg_control_system()";
        let identifier = Statement::from_string(DbBackend::Postgres, sql);
        let row = admin.query_one_raw(identifier).await.unwrap().unwrap();
        row.try_get_by_index(0).unwrap()
    };
    let here = of_server(server().superuser_url().to_owned()).await;
    let newer = of_server(primary().superuser_url().to_owned()).await;
    // The identifier begins with the second in which the server was made.
    if here >> 32 != newer >> 32 {
        assert_eq!(last < Some(there), here < newer);
    }
}

#[tokio::test]
async fn p02_guard_that_is_dropped_gives_the_lock_back_and_its_connection_is_used_again() {
    let shop = Shop::open().await;
    let locks = Locks::postgres_with(&shop.db, 1).unwrap();
    let lock = locks.lock("import").unwrap();
    for _ in 0..20 {
        drop(acquire(&lock, &shop.a).await);
    }
    until_free(&shop, "import").await;
    // Outside of a runtime, and in a panic.
    let guard = acquire(&lock, &shop.a).await;
    std::thread::spawn(move || drop(guard)).join().unwrap();
    until_free(&shop, "import").await;
    let guard = acquire(&lock, &shop.a).await;
    let task = tokio::spawn(async move {
        let _held = guard;
        panic!("with the lock held");
    });
    assert!(task.await.unwrap_err().is_panic());
    until_free(&shop, "import").await;
}

#[tokio::test]
async fn p02_waiter_that_is_cancelled_at_any_poll_leaves_nothing() {
    let shop = dripping(5).await;
    let locks = Locks::postgres_with(&shop.db, 2).unwrap();
    let lock = locks.lock("import").unwrap();
    let mut cancelled = 0;
    for polls in 1..40 {
        let (lock, a) = (lock.clone(), shop.a.clone());
        let asked = elsewhere(async move {
            poll_times(async { lock.acquire(&a, WAIT).await.map(drop) }, polls).await
        });
        cancelled += u32::from(asked.await.is_none());
    }
    assert!(cancelled > 0);
    // While another has it, too.
    let guard = acquire(&lock, &shop.a).await;
    for polls in 1..20 {
        let lock = Locks::postgres_with(&shop.db, 1).unwrap();
        let (lock, a) = (lock.lock("import").unwrap(), shop.a.clone());
        let asked = elsewhere(async move {
            poll_times(async { lock.acquire(&a, SOON).await.map(drop) }, polls).await
        });
        assert!(!matches!(asked.await, Some(Ok(()))));
    }
    assert!(guard.is_valid());
    assert_eq!(guard.release().await.unwrap(), Released::Now);
    let began = std::time::Instant::now();
    until_free(&shop, "import").await;
    // Nor is a connection of the two lost.
    let first = acquire(&locks.lock("first").unwrap(), &shop.a).await;
    let second = acquire(&locks.lock("second").unwrap(), &shop.a).await;
    assert!(first.is_valid() && second.is_valid());
    assert!(began.elapsed() < WAIT);
}

#[tokio::test]
async fn p04_lock_that_needs_one_connection_more_is_a_typed_error() {
    let shop = Shop::open().await;
    let locks = Locks::postgres_with(&shop.db, 2).unwrap();
    let first = acquire(&locks.lock("first").unwrap(), &shop.a).await;
    let second = acquire(&locks.lock("second").unwrap(), &shop.a).await;
    let third = locks.lock("third").unwrap();
    for wait in [Duration::ZERO, SOON, Duration::from_millis(900)] {
        let asked = third.acquire(&shop.a, wait).await;
        assert!(
            matches!(
                &asked,
                Err(Error::Lock(LockError::NoConnection { most: 2, .. }))
            ),
            "{asked:?}"
        );
        assert_eq!(kind(asked), ErrorKind::PoolTimeout);
    }
    // The sessions have connections of their own.
    for _ in 0..5 {
        shop.order(&shop.a).await;
    }
    assert!(second.is_valid());
    let (waiting, a) = (third.clone(), shop.a.clone());
    let waiter = tokio::spawn(async move { waiting.acquire(&a, WAIT).await });
    assert_eq!(first.release().await.unwrap(), Released::Now);
    assert!(waiter.await.unwrap().unwrap().is_valid());
}

#[tokio::test]
async fn holders_are_listed_with_what_they_told_and_for_their_tenant_only() {
    let shop = Shop::open().await;
    let locks = Locks::postgres(&shop.db).unwrap();
    let name = r#"it's a "name"; \ /* DROP */"#;
    let lock = locks.lock(name).unwrap();
    let guard = acquire(&lock, &shop.a).await;
    let holders = locks.holders(&shop.a).await.unwrap();
    assert_eq!(holders.len(), 1, "{holders:?}");
    assert_eq!(holders[0].name, name);
    assert_eq!(holders[0].process, std::process::id());
    assert_eq!(holders[0].request_id.as_deref(), Some("acme-request"));
    assert_eq!(locks.holders(&context(B)).await.unwrap(), []);
    assert_eq!(locks.holders(dotmac_database::Global).await.unwrap(), []);
    guard.release().await.unwrap();
    // A note on another lock is nobody's.
    let forged = shop.raw().await;
    let note = r#"SET dotmac.holder = '{"owner":"acme","holder":{"name":"import","fence":null,
        "host":"h","process":1,"request_id":null,"since":"2026-01-01T00:00:00Z"}}';
        SELECT pg_advisory_lock(5)"#;
    forged.execute_unprepared(note).await.unwrap();
    assert_eq!(locks.holders(&shop.a).await.unwrap(), []);
}

#[tokio::test]
async fn lock_of_a_connection_is_not_handed_over() {
    let shop = Shop::open().await;
    let lock = Locks::postgres(&shop.db).unwrap().lock("import").unwrap();
    let guard = acquire(&lock, &shop.a).await;
    assert!(matches!(
        guard.hand_over(),
        Err(Error::Lock(LockError::Unsupported { .. }))
    ));
}
