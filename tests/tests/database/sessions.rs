//! Sessions as units of work: nesting, abortion, read only, actions after commit, round trips.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dotmac_database::prelude::*;
use migration::entity::{order, user};
use sea_orm::{ConnectionTrait, IsolationLevel, TransactionSession};

use crate::lost_commit::losing_commits;
use crate::support::{HeldLock, Shop, kind, set_total};

/// Waits for the lock, and fails then.
fn failing() -> String {
    format!("{}; SELECT 1 / 0", HeldLock::WAIT)
}

#[tokio::test]
async fn ok_commits_and_err_rolls_back() {
    let shop = Shop::open().await;
    let failed: Result<(), Error> = shop
        .db
        .write(&shop.a, async |tx| {
            set_total(tx, 1).await;
            Err(Error::Ended)
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(shop.order(&shop.a).await.total_cents, 10);
    shop.db
        .write(&shop.a, async |tx| {
            set_total(tx, 2).await;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    assert_eq!(shop.order(&shop.a).await.total_cents, 2);
}

#[tokio::test]
async fn aborted_unit_of_work_is_never_reported_as_committed() {
    let shop = Shop::open().await;
    // The caller swallows the error of a statement and goes on to commit.
    let swallowed = shop
        .db
        .write(&shop.a, async |tx| {
            set_total(tx, 1).await;
            let _ = tx.execute_unprepared("SELECT 1 / 0").await;
            Ok::<_, Error>(())
        })
        .await;
    assert_eq!(kind(swallowed), ErrorKind::Aborted);
    assert_eq!(shop.order(&shop.a).await.total_cents, 10);
    // Where the driver hides the failure (a cancelled statement), the server tells at COMMIT.
    let session = shop.db.begin(&shop.a).unwrap();
    set_total(&session, 1).await;
    let lock = HeldLock::take(&shop).await;
    lock.cancel(session.execute_unprepared(&failing())).await;
    lock.release().await;
    assert!(session.commit().await.is_err());
    assert_eq!(shop.order(&shop.a).await.total_cents, 10);
}

#[tokio::test]
async fn failed_constraint_at_commit_is_an_error() {
    let shop = Shop::open().await;
    shop.admin()
        .await
        .execute_unprepared(
            "ALTER TABLE orders ALTER CONSTRAINT fk_orders_user_id_users DEFERRABLE INITIALLY DEFERRED",
        )
        .await
        .unwrap();
    let result = shop
        .db
        .write(&shop.a, async |tx| {
            let mut order = order::Entity::find()
                .one(tx)
                .await?
                .unwrap()
                .into_active_model();
            order.user_id = Set(Some(Uuid::now_v7()));
            order.update(tx).await
        })
        .await;
    assert_eq!(kind(result), ErrorKind::ForeignKey);
}

#[tokio::test]
async fn read_session_refuses_writes_by_the_database() {
    let shop = Shop::open().await;
    let new = user::ActiveModel {
        email: Set("x@example.com".into()),
        name: Set("x".into()),
        ..Default::default()
    };
    let write = shop.db.read(&shop.a, async |tx| new.insert(tx).await);
    assert_eq!(kind(write.await), ErrorKind::ReadOnly);
    let raw = shop.db.read(&shop.a, async |tx| {
        tx.execute_unprepared("DELETE FROM users").await
    });
    assert_eq!(kind(raw.await), ErrorKind::ReadOnly);
    let to_write = shop.db.read(&shop.a, async |tx| {
        tx.execute_unprepared("SET TRANSACTION READ WRITE").await
    });
    assert_eq!(kind(to_write.await), ErrorKind::ContextChange);
    // Hidden from the gate, it comes too late: the session has run a query already.
    shop.admin()
        .await
        .execute_unprepared(
            "CREATE FUNCTION unlock() RETURNS void LANGUAGE sql AS \
             $$ SELECT set_config('transaction_read_only', 'off', true) $$",
        )
        .await
        .unwrap();
    for unlock in [
        "DO $$ BEGIN SET TRANSACTION READ WRITE; END $$",
        "SELECT unlock()",
    ] {
        let hidden = shop.db.read(&shop.a, async |tx| {
            tx.execute_unprepared(unlock).await?;
            user::Entity::delete_many().exec(tx).await
        });
        assert!(hidden.await.is_err(), "{unlock}");
    }
    assert!(!shop.order(&shop.a).await.is_deleted());
}

#[tokio::test]
async fn nested_session_is_a_savepoint() {
    let shop = Shop::open().await;
    shop.db
        .write(&shop.a, async |tx| {
            set_total(tx, 1).await;
            let nested = tx.begin().await?;
            set_total(&nested, 2).await;
            TransactionSession::rollback(nested).await?;
            assert_eq!(order::Entity::find().one(tx).await?.unwrap().total_cents, 1);
            let nested = tx.begin().await?;
            assert_eq!(
                kind(nested.execute_unprepared("SELECT 1 / 0").await),
                ErrorKind::Other
            );
            assert_eq!(
                kind(order::Entity::find().all(&nested).await),
                ErrorKind::Aborted
            );
            assert_eq!(kind(nested.commit().await), ErrorKind::Aborted);
            // Three levels, the innermost two dropped together.
            let outer = tx.begin().await?;
            set_total(&outer, 3).await;
            let inner = outer.begin().await?;
            set_total(&inner, 4).await;
            inner.commit().await?;
            let inner = outer.begin().await?;
            set_total(&inner, 5).await;
            drop(inner);
            assert_eq!(
                order::Entity::find()
                    .one(&outer)
                    .await?
                    .unwrap()
                    .total_cents,
                4
            );
            outer.commit().await?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    assert_eq!(shop.order(&shop.a).await.total_cents, 4);
}

#[tokio::test]
async fn parent_takes_no_statement_while_a_nested_session_is_open() {
    let shop = Shop::open().await;
    let session = shop.db.begin(&shop.a).unwrap();
    let nested = session.nested().unwrap();
    assert_eq!(
        kind(order::Entity::find().all(&session).await),
        ErrorKind::Session
    );
    assert_eq!(kind(session.nested()), ErrorKind::Session);
    drop(nested);
    assert_eq!(order::Entity::find().all(&session).await.unwrap().len(), 1);
    let orphan = session.nested().unwrap();
    drop(session);
    assert_eq!(
        kind(order::Entity::find().all(&orphan).await),
        ErrorKind::Session
    );
}

#[tokio::test]
async fn nested_session_that_outlives_its_parent_runs_nothing() {
    let shop = Shop::open().await;
    for begun in [true, false] {
        let session = shop.db.begin(&shop.a).unwrap();
        if begun {
            set_total(&session, 77).await;
        }
        let nested = session.nested().unwrap();
        assert_eq!(kind(session.commit().await), ErrorKind::Session);
        // Neither in the old transaction nor outside of any.
        let sql = "SELECT set_total()";
        assert_eq!(
            kind(nested.execute_unprepared(sql).await),
            ErrorKind::Session
        );
        assert_eq!(kind(nested.commit().await), ErrorKind::Session);
    }
    assert_eq!(shop.order(&shop.a).await.total_cents, 10);
}

#[tokio::test]
async fn transaction_callback_of_sea_orm_nests() {
    let shop = Shop::open().await;
    shop.db
        .write(&shop.a, async |tx| {
            let result: Result<(), sea_orm::TransactionError<Error>> = tx
                .transaction(|nested| {
                    Box::pin(async move {
                        set_total(nested, 1).await;
                        Err(Error::Ended)
                    })
                })
                .await;
            assert!(result.is_err());
            assert_eq!(
                order::Entity::find().one(tx).await?.unwrap().total_cents,
                10
            );
            let nested = tx
                .begin_with_config(Some(IsolationLevel::Serializable), None)
                .await;
            assert_eq!(kind(nested), ErrorKind::Session);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn actions_run_after_commit_in_order_and_not_after_a_rollback() {
    let shop = Shop::open().await;
    let log = Arc::new(Mutex::new(Vec::new()));
    let note = |text: &'static str| {
        let log = Arc::clone(&log);
        move || async move { log.lock().unwrap().push(text) }
    };
    shop.db
        .write(&shop.a, async |tx| {
            tx.after_commit(note("first"))?;
            let nested = tx.nested()?;
            nested.after_commit(note("gone"))?;
            nested.rollback().await?;
            let nested = tx.nested()?;
            nested.after_commit(note("second"))?;
            nested.commit().await?;
            tx.after_commit(|| async { panic!("on purpose") })?;
            tx.after_commit(note("third"))?;
            set_total(tx, 1).await;
            assert!(log.lock().unwrap().is_empty());
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    assert_eq!(*log.lock().unwrap(), ["first", "second", "third"]);

    let session = shop.db.begin(&shop.a).unwrap();
    session.after_commit(note("never")).unwrap();
    session.rollback().await.unwrap();
    let aborted = shop.db.write(&shop.a, async |tx| {
        tx.after_commit(note("never"))?;
        let _ = tx.execute_unprepared("SELECT 1 / 0").await;
        Ok::<_, Error>(())
    });
    assert!(aborted.await.is_err());
    assert_eq!(log.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn serialization_failure_is_retryable() {
    let shop = Shop::open().await;
    let options = SessionOptions::isolation(IsolationLevel::RepeatableRead);
    let first = shop.db.begin_with(&shop.a, options).unwrap();
    order::Entity::find().all(&first).await.unwrap();
    shop.db
        .write(&shop.a, async |tx| {
            set_total(tx, 1).await;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let conflict = first
        .execute_unprepared("UPDATE orders SET total_cents = 2")
        .await
        .map_err(Error::from)
        .unwrap_err();
    assert_eq!(conflict.kind(), ErrorKind::Serialization);
    assert!(conflict.is_retryable());
}

#[tokio::test]
async fn units_of_work_are_send() {
    let shop = Arc::new(Shop::open().await);
    let tasks: Vec<_> = (0..4)
        .map(|n| {
            let shop = Arc::clone(&shop);
            tokio::spawn(async move {
                let work = async |tx: &Session| {
                    user::ActiveModel {
                        email: Set(format!("{n}@example.com")),
                        name: Set("x".into()),
                        ..Default::default()
                    }
                    .insert(tx)
                    .await
                };
                shop.db.write(&shop.a, work).await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn failed_statement_that_nobody_waited_for_costs_its_level_only() {
    let shop = Shop::open().await;
    let session = shop.db.begin(&shop.a).unwrap();
    let nested = session.nested().unwrap();
    nested.execute_unprepared("SELECT 1").await.unwrap();
    let lock = HeldLock::take(&shop).await;
    lock.cancel(nested.execute_unprepared(&failing())).await;
    lock.release().await;
    drop(nested);
    assert_eq!(order::Entity::find().all(&session).await.unwrap().len(), 1);
    session.commit().await.unwrap();
}

#[tokio::test]
async fn stream_of_a_nested_session_does_not_hang_the_end_of_its_parent() {
    let shop = Shop::open().await;
    for commit in [true, false] {
        let session = shop.db.begin(&shop.a).unwrap();
        set_total(&session, 77).await;
        let nested = session.nested().unwrap();
        let stream = order::Entity::find().stream(&nested).await.unwrap();
        let end = async {
            match commit {
                true => assert_eq!(kind(session.commit().await), ErrorKind::Session),
                false => session.rollback().await.unwrap(),
            }
        };
        tokio::time::timeout(Duration::from_secs(5), end)
            .await
            .expect("no hang");
        drop(stream);
        assert_eq!(
            kind(order::Entity::find().all(&nested).await),
            ErrorKind::Session
        );
    }
    assert_eq!(shop.order(&shop.a).await.total_cents, 10);
}

#[tokio::test]
async fn action_that_owns_a_session_of_its_unit_can_be_dropped() {
    let shop = Shop::open().await;
    let session = shop.db.begin(&shop.a).unwrap();
    let nested = session.nested().unwrap();
    session
        .after_commit(move || async move { drop(nested) })
        .unwrap();
    let dropped = tokio::task::spawn_blocking(move || drop(session));
    tokio::time::timeout(Duration::from_secs(5), dropped)
        .await
        .expect("no deadlock")
        .unwrap();
}

#[tokio::test]
async fn too_many_parameters_are_an_error_of_the_statement_only() {
    let shop = Shop::open().await;
    let session = shop.db.begin(&shop.a).unwrap();
    let rows = (0..22_000).map(|n| order::ActiveModel {
        id: Set(Uuid::now_v7()),
        number: Set(format!("x{n}")),
        total_cents: Set(1),
        ..Default::default()
    });
    let error = order::Entity::insert_many(rows)
        .exec(&session)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("65535"), "{error}");
    assert_eq!(order::Entity::find().all(&session).await.unwrap().len(), 1);
}

#[tokio::test]
async fn connection_lost_during_commit_leaves_the_outcome_open() {
    let shop = Shop::open().await;
    let db = losing_commits(&shop).await;
    let session = db.begin(&shop.a).unwrap();
    set_total(&session, 77).await;
    let error = session.commit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommitUnknown, "{error}");
    assert!(!error.is_retryable());
    assert_eq!(shop.order(&shop.a).await.total_cents, 77);
}
