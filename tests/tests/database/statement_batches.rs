//! Batches: all of the statements, or none, on PostgreSQL and on SQLite.

use std::error::Error as _;

use dotmac_database::prelude::*;
use migration::entity::user;
use sea_orm::{ConnectionTrait, QueryTrait, Statement};

use crate::support::{HeldLock, Shop, context, kind};

fn insert(tx: &Session, email: &str) -> Statement {
    let new = user::ActiveModel {
        id: Set(Uuid::now_v7()),
        tenant_id: Set("acme".into()),
        email: Set(email.into()),
        name: Set("x".into()),
        ..Default::default()
    };
    user::Entity::insert(new).build(tx.backend())
}

fn rename(tx: &Session, name: &str) -> Statement {
    user::Entity::update_many()
        .col_expr(user::Column::Name, name.into())
        .filter(user::Column::Email.ne("ada@example.com"))
        .build(tx.backend())
}

async fn names(tx: &Session) -> Vec<String> {
    let found = user::Entity::find()
        .filter(user::Column::Email.ne("ada@example.com"))
        .order_by_asc(user::Column::Email)
        .all(tx)
        .await
        .unwrap();
    found.into_iter().map(|user| user.name).collect()
}

async fn all_or_nothing(db: &Database) {
    let a = context("acme");
    db.write(&a, async |tx| {
        let results = tx
            .batch([insert(tx, "1@x"), insert(tx, "2@x"), rename(tx, "both")])
            .await?;
        let affected: Vec<u64> = results.iter().map(|it| it.rows_affected()).collect();
        assert_eq!(affected, [1, 1, 2]);
        assert!(tx.batch([]).await?.is_empty());
        let secret = "1@x";
        let error = tx
            .batch([rename(tx, "gone"), insert(tx, secret), rename(tx, "never")])
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Batch { index: 1, .. }), "{error}");
        assert_eq!(error.kind(), ErrorKind::Unique);
        assert!(error.source().is_some());
        assert!(!error.to_string().contains(secret), "{error}");
        assert_eq!(names(tx).await, ["both", "both"]);
        // What the gate refuses is a failure of its statement as well.
        let raw = Statement::from_string(tx.backend(), "SAVEPOINT mine");
        let error = tx.batch([rename(tx, "gone"), raw]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ContextChange);
        assert_eq!(names(tx).await, ["both", "both"]);
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
    let stored = db.read(&a, async |tx| Ok::<_, Error>(names(tx).await));
    assert_eq!(stored.await.unwrap(), ["both", "both"]);
}

#[tokio::test]
async fn batch_runs_whole_or_not_at_all() {
    all_or_nothing(&Shop::open().await.db).await;
    all_or_nothing(&crate::sqlite::open().await).await;
}

#[tokio::test]
async fn aborted_session_takes_no_batch() {
    let shop = Shop::open().await;
    let session = shop.db.begin(&shop.a).unwrap();
    let _ = session.execute_unprepared("SELECT 1 / 0").await;
    let refused = session.batch([insert(&session, "1@x")]).await;
    assert_eq!(kind(refused), ErrorKind::Aborted);
}

#[tokio::test]
async fn cancelled_batch_is_undone_and_leaves_the_session_usable() {
    let shop = Shop::open().await;
    let lock = HeldLock::take(&shop).await;
    let session = shop.db.begin(&shop.a).unwrap();
    session
        .execute_raw(insert(&session, "kept@x"))
        .await
        .unwrap();
    let wait = Statement::from_string(session.backend(), HeldLock::WAIT);
    let batch = [insert(&session, "gone@x"), wait, rename(&session, "never")];
    lock.cancel(session.batch(batch)).await;
    lock.release().await;
    assert_eq!(names(&session).await, ["x"]);
    session.commit().await.unwrap();
}
