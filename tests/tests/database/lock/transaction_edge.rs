//! Advisory locks on the caller's session where they could go wrong: deadlocks, PgBouncer, replicas, SQLite.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use dotmac_database::LockError;
use dotmac_database::lock::Locks;
use dotmac_database::prelude::*;
use dotmac_database::testing::in_memory;
use migration::entity::order;
use tokio::sync::Barrier;

use crate::cluster::{Cluster, primary};
use crate::pgbouncer::PgBouncer;
use crate::support::{Shop, context, kind};

#[tokio::test]
async fn p06_deadlock_is_typed_and_the_next_attempt_succeeds() {
    let shop = Arc::new(Shop::open().await);
    let barrier = Arc::new(Barrier::new(2));
    let deadlocks = Arc::new(AtomicU32::new(0));
    let units = [["a", "b"], ["b", "a"]].map(|[first, second]| {
        let (shop, barrier) = (Arc::clone(&shop), Arc::clone(&barrier));
        let deadlocks = Arc::clone(&deadlocks);
        tokio::spawn(async move {
            let attempts = AtomicU32::new(0);
            let retrying = shop.db.retrying(RetryPolicy::default());
            retrying
                .write(&shop.a, async |tx| {
                    tx.advisory_lock(first).await?;
                    if attempts.fetch_add(1, Ordering::SeqCst) == 0 {
                        barrier.wait().await;
                    }
                    let taken = tx.advisory_lock(second).await;
                    if let Err(error) = &taken {
                        assert_eq!(error.kind(), ErrorKind::Deadlock);
                        assert!(error.is_retryable());
                        deadlocks.fetch_add(1, Ordering::SeqCst);
                    }
                    taken
                })
                .await
        })
    });
    for unit in units {
        unit.await.unwrap().unwrap();
    }
    assert_eq!(deadlocks.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn p07_lock_of_the_transaction_holds_behind_pgbouncer() {
    let shop = Shop::open().await;
    let bouncer = PgBouncer::start(3);
    let db = Database::connect(bouncer.config(&shop)).await.unwrap();
    // Read and written in two statements: without the lock, turns are lost.
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move {
                for _ in 0..20 {
                    db.write(&context("acme"), async |tx| {
                        tx.advisory_lock("counters").await?;
                        let read = order::Entity::find().one(tx).await?.unwrap();
                        let total = read.total_cents;
                        let mut read = read.into_active_model();
                        read.total_cents = Set(total + 1);
                        read.update(tx).await
                    })
                    .await
                    .unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(shop.order(&shop.a).await.total_cents, 10 + 6 * 20);
}

#[tokio::test]
async fn p07_lock_that_outlasts_its_transaction_is_refused_behind_pgbouncer() {
    let shop = Shop::open().await;
    let bouncer = PgBouncer::start(1);
    let db = Database::connect(bouncer.config(&shop)).await.unwrap();
    assert!(matches!(Locks::postgres(&db), Err(Error::Pooled { .. })));
}

#[tokio::test]
async fn p10_read_session_takes_a_lock_on_the_primary_only() {
    let shop = Shop::open().await;
    let read = shop
        .db
        .begin_with(&shop.a, SessionOptions::read_only())
        .unwrap();
    assert_eq!(
        kind(read.advisory_lock("counters").await),
        ErrorKind::ReadOnly
    );
    assert_eq!(
        kind(read.try_advisory_lock_shared("counters").await),
        ErrorKind::ReadOnly
    );
    let soon = std::time::Duration::from_millis(20);
    assert_eq!(
        kind(read.advisory_lock_within("counters", soon).await),
        ErrorKind::ReadOnly
    );
    let options = SessionOptions::read_only().on_primary();
    let read = shop.db.begin_with(&shop.a, options).unwrap();
    assert!(read.try_advisory_lock("counters").await.unwrap());
    let write = shop.db.begin(&shop.a).unwrap();
    assert!(!write.try_advisory_lock("counters").await.unwrap());
}

#[tokio::test]
async fn p10_standby_in_the_place_of_the_primary_is_refused() {
    let cluster = Cluster::open().await;
    let replica = Cluster::shared_replica().await;
    let url = cluster.on(replica);
    assert_ne!(primary().port(), replica.port());
    // The database was made a moment ago, and the replica follows.
    let db = loop {
        match Database::connect(DatabaseConfig::new(&url).unwrap()).await {
            Ok(db) => break db,
            Err(error) => assert!(error.to_string().contains("does not exist"), "{error}"),
        }
    };
    let tx = db.begin(&cluster.a).unwrap();
    let refused = tx.advisory_lock("counters").await.unwrap_err();
    assert!(
        matches!(refused, Error::Lock(LockError::OnStandby)),
        "{refused}"
    );
    assert_eq!(refused.kind(), ErrorKind::ReadOnly);
    let tx = db.begin(&cluster.a).unwrap();
    assert!(tx.try_advisory_lock("counters").await.is_err());
    let locks = Locks::postgres(&db).unwrap();
    let refused = locks
        .lock("counters")
        .unwrap()
        .try_acquire(&cluster.a)
        .await;
    assert!(
        matches!(refused, Err(Error::Lock(LockError::OnStandby))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn name_of_a_tenant_needs_one() {
    let shop = Shop::open().await;
    let tx = shop.db.begin(&RequestContext::without_tenant()).unwrap();
    assert_eq!(
        kind(tx.advisory_lock("counters").await),
        ErrorKind::MissingTenant
    );
    tx.advisory_lock(7).await.unwrap();
}

#[tokio::test]
async fn session_on_sqlite_has_the_database_for_itself() {
    let db = in_memory().await.unwrap();
    let context = context("acme");
    db.write(&context, async |tx| {
        tx.advisory_lock("counters").await?;
        let soon = std::time::Duration::from_millis(20);
        tx.advisory_lock_within("counters", soon).await?;
        assert!(tx.try_advisory_lock("counters").await?);
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
    let read = db.read(&context, async |tx| tx.advisory_lock("counters").await);
    assert_eq!(kind(read.await), ErrorKind::ReadOnly);
    assert!(matches!(
        Locks::postgres(&db),
        Err(Error::Unsupported { .. })
    ));
}
