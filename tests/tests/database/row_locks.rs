//! Locks on rows, against another session that holds them.

use std::time::Duration;

use dotmac_database::prelude::*;
use migration::entity::{order, order_line, product, user};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use crate::support::{Shop, context, kind, set_total};

const SOON: LockWait = LockWait::Timeout(Duration::from_millis(20));
/// Where it is reached, something waits that should not.
const LATE: Duration = Duration::from_secs(20);

/// A session that holds all orders of its tenant.
async fn hold(shop: &Shop, context: &RequestContext) -> Session {
    let holder = shop.db.begin(context).unwrap();
    let held = order::Entity::find()
        .for_update(LockWait::Unlimited)
        .all(&holder)
        .await
        .unwrap();
    assert!(!held.is_empty());
    holder
}

async fn lock_timeout(tx: &Session) -> String {
    let statement = Statement::from_string(tx.backend(), "SELECT current_setting('lock_timeout')");
    let row = tx.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

/// Until a statement waits for another transaction.
async fn somebody_waits(admin: &DatabaseConnection) {
    let sql = "SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
               WHERE a.datname = current_database() AND NOT l.granted";
    let waiting = Statement::from_string(DbBackend::Postgres, sql);
    while admin
        .query_one_raw(waiting.clone())
        .await
        .unwrap()
        .is_none()
    {}
}

#[tokio::test]
async fn lock_that_is_not_got_in_time_costs_the_query_only() {
    let shop = Shop::open().await;
    let holder = hold(&shop, &shop.a).await;
    shop.db
        .write(&shop.a, async |tx| {
            for wait in [SOON, LockWait::Nowait] {
                let found = order::Entity::find().for_update(wait);
                assert_eq!(kind(found.all(tx).await), ErrorKind::LockTimeout);
                let found = order::Entity::find().for_share(wait);
                assert_eq!(kind(found.one(tx).await), ErrorKind::LockTimeout);
            }
            assert_eq!(order::Entity::find().all(tx).await?.len(), 1);
            tx.execute_unprepared("UPDATE users SET name = 'kept'")
                .await
        })
        .await
        .unwrap();
    holder.rollback().await.unwrap();
    let user = shop
        .db
        .read(&shop.a, async |tx| user::Entity::find().one(tx).await);
    assert_eq!(user.await.unwrap().unwrap().name, "kept");
}

#[tokio::test]
async fn limit_is_what_it_was_afterwards() {
    let shop = Shop::open().await;
    for before in ["0", "7s"] {
        shop.db
            .write(&shop.a, async |tx| {
                let set = format!("SET LOCAL lock_timeout = '{before}'");
                tx.execute_unprepared(&set).await?;
                let find = || order::Entity::find().for_no_key_update(SOON);
                assert_eq!(find().all(tx).await?.len(), 1);
                assert_eq!(lock_timeout(tx).await, before);
                // Twice without a statement in between, and inside of a nested session.
                find().one(tx).await?;
                find().one(tx).await?;
                let nested = tx.nested()?;
                find().one(&nested).await?;
                assert_eq!(lock_timeout(&nested).await, before);
                nested.commit().await?;
                assert_eq!(lock_timeout(tx).await, before);
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }
    let holder = hold(&shop, &shop.a).await;
    shop.db
        .write(&shop.a, async |tx| {
            tx.execute_unprepared("SET LOCAL lock_timeout = '7s'")
                .await?;
            let found = order::Entity::find().for_update(SOON).one(tx).await;
            assert_eq!(kind(found), ErrorKind::LockTimeout);
            assert_eq!(lock_timeout(tx).await, "7s");
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    drop(holder);
    // And the next user of the connections finds nothing of it.
    let after = shop
        .db
        .read(&shop.a, async |tx| Ok::<_, Error>(lock_timeout(tx).await));
    assert_eq!(after.await.unwrap(), "0");
}

#[tokio::test]
async fn query_waits_for_a_lock_and_sees_what_its_holder_committed() {
    let shop = Shop::open().await;
    let admin = shop.admin().await;
    for wait in [LockWait::Unlimited, LockWait::Timeout(LATE)] {
        let holder = hold(&shop, &shop.a).await;
        set_total(&holder, 77).await;
        let waiting = shop.db.write(&shop.a, async |tx| {
            order::Entity::find().for_update(wait).one(tx).await
        });
        let release = async {
            somebody_waits(&admin).await;
            holder.commit().await.unwrap();
        };
        let (found, ()) = tokio::join!(waiting, release);
        assert_eq!(found.unwrap().unwrap().total_cents, 77);
    }
}

#[tokio::test]
async fn skip_locked_leaves_held_rows_out() {
    let shop = Shop::open().await;
    let holder = hold(&shop, &shop.a).await;
    let free = order::ActiveModel {
        number: Set("2".into()),
        total_cents: Set(1),
        ..Default::default()
    };
    let free = shop.db.write(&shop.a, async |tx| free.insert(tx).await);
    let free = free.await.unwrap();
    let found = shop.db.write(&shop.a, async |tx| {
        let found = order::Entity::find().for_update(LockWait::SkipLocked);
        found.all(tx).await
    });
    let ids: Vec<Uuid> = found.await.unwrap().iter().map(|it| it.id).collect();
    assert_eq!(ids, [free.id]);
    drop(holder);
}

#[tokio::test]
async fn weaker_locks_let_others_share_and_refer() {
    let shop = Shop::open().await;
    let session = || shop.db.begin(&shop.a).unwrap();
    let (one, two) = (session(), session());
    for session in [&one, &two] {
        let shared = order::Entity::find().for_share(LockWait::Nowait);
        assert_eq!(shared.all(session).await.unwrap().len(), 1);
    }
    let exclusive = order::Entity::find().for_no_key_update(LockWait::Nowait);
    assert_eq!(kind(exclusive.all(&two).await), ErrorKind::LockTimeout);
    one.rollback().await.unwrap();
    two.rollback().await.unwrap();

    let holder = session();
    let found = order::Entity::find().for_no_key_update(LockWait::Nowait);
    let order = found.one(&holder).await.unwrap().unwrap();
    let line = shop.db.write(&shop.a, async |tx| {
        let product = product::Entity::find().one(tx).await?.unwrap();
        let line = order_line::ActiveModel {
            order_id: Set(order.id),
            product_id: Set(product.id),
            quantity: Set(1),
            ..Default::default()
        };
        line.insert(tx).await
    });
    tokio::time::timeout(LATE, line)
        .await
        .expect("the foreign key does not wait")
        .unwrap();
    drop(holder);
}

#[tokio::test]
async fn rows_of_joined_tables_are_not_locked() {
    let shop = Shop::open().await;
    for wait in [LockWait::Unlimited, LockWait::Nowait] {
        let holder = shop.db.begin(&shop.a).unwrap();
        // PostgreSQL refuses to lock the optional side of a LEFT JOIN.
        let joined = order::Entity::find()
            .left_join(user::Entity)
            .filter(user::Column::Email.eq("ada@example.com"))
            .for_update(wait);
        assert_eq!(joined.all(&holder).await.unwrap().len(), 1);
        let users = shop.db.write(&shop.a, async |tx| {
            let users = user::Entity::find().for_update(LockWait::Nowait);
            users.all(tx).await
        });
        assert_eq!(users.await.unwrap().len(), 1);
        holder.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn i18_nobody_waits_for_another_tenants_locks() {
    let shop = Shop::open().await;
    let theirs = shop.order(&shop.b).await.id;
    let holder = hold(&shop, &shop.b).await;
    shop.db
        .write(&shop.a, async |tx| {
            for wait in [
                LockWait::Nowait,
                SOON,
                LockWait::SkipLocked,
                LockWait::Unlimited,
            ] {
                let own = order::Entity::find().for_update(wait).all(tx);
                let own = tokio::time::timeout(LATE, own).await.expect("no waiting")?;
                assert_eq!(own.len(), 1);
                assert_eq!(own[0].tenant_id, "acme");
                let found = order::Entity::find_by_id(theirs).for_update(wait).one(tx);
                let found = tokio::time::timeout(LATE, found).await.expect("no waiting");
                assert!(found?.is_none());
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    drop(holder);
}

#[tokio::test]
async fn read_session_locks_nothing() {
    let shop = Shop::open().await;
    for db in [&shop.db, &crate::sqlite::open().await] {
        let found = db.read(&shop.a, async |tx| {
            order::Entity::find().for_share(SOON).all(tx).await
        });
        let error = found.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ReadOnly);
        assert_eq!(
            error.to_string(),
            "a lock on rows needs a session that writes: use `db.write(…)`"
        );
    }
}

#[tokio::test]
async fn query_that_was_cancelled_while_it_waited_leaves_the_session_usable() {
    let shop = Shop::open().await;
    let admin = shop.admin().await;
    let holder = hold(&shop, &shop.a).await;
    let session = shop.db.begin(&shop.a).unwrap();
    session
        .execute_unprepared("UPDATE users SET name = 'kept'")
        .await
        .unwrap();
    tokio::select! {
        _ = order::Entity::find().for_update(LockWait::Timeout(LATE)).all(&session) => {
            panic!("the query did not wait");
        }
        () = somebody_waits(&admin) => {}
    }
    holder.rollback().await.unwrap();
    assert_eq!(lock_timeout(&session).await, "0");
    session.commit().await.unwrap();
}

#[tokio::test]
async fn sqlite_has_the_database_for_itself() {
    let db = crate::sqlite::open().await;
    db.write(&context("acme"), async |tx| {
        for wait in [
            LockWait::Nowait,
            SOON,
            LockWait::SkipLocked,
            LockWait::Unlimited,
        ] {
            assert!(
                user::Entity::find()
                    .for_update(wait)
                    .one(tx)
                    .await?
                    .is_none()
            );
            assert!(
                user::Entity::find()
                    .for_share(wait)
                    .all(tx)
                    .await?
                    .is_empty()
            );
        }
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}
