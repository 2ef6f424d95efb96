//! A session in the place of SeaORM's connections and transactions.

use dotmac_database::prelude::*;
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, PaginatorTrait, StreamTrait, TransactionError,
    TransactionSession, TransactionTrait,
};

use super::entity::{author, label};
use super::library::on_both;
use crate::support::kind;

fn new_label(name: &str) -> label::ActiveModel {
    label::ActiveModel {
        name: Set(name.into()),
        ..Default::default()
    }
}

async fn rename(db: &impl ConnectionTrait, name: &str) -> Result<label::Model, DbErr> {
    let mut found = label::Entity::find_by_name("math")
        .one(db)
        .await?
        .ok_or(DbErr::RecordNotFound(name.into()))?
        .into_active_model();
    found.name = Set(name.into());
    found.update(db).await
}

async fn in_a_transaction<C>(db: &C, names: [&str; 2]) -> Result<(), DbErr>
where
    C: TransactionTrait + ConnectionTrait,
{
    let tx = db.begin().await?;
    for name in names {
        new_label(name).insert(&tx).await?;
    }
    tx.commit().await
}

async fn everything<C: ConnectionTrait + StreamTrait + TransactionTrait>(db: &C) -> u64 {
    assert!(db.support_returning());
    label::Entity::find().count(db).await.unwrap()
}

#[tokio::test]
async fn functions_over_any_connection_take_a_session() {
    on_both(async |library| {
        let tx = library.begin();
        let dynamic: &dyn Fn() -> DbBackend = &|| ConnectionTrait::get_database_backend(&tx);
        assert_eq!(dynamic(), library.backend);
        assert_eq!(rename(&tx, "algebra").await.unwrap().name, "algebra");
        in_a_transaction(&tx, ["a", "b"]).await.unwrap();
        assert_eq!(everything(&tx).await, 4);
        // A transaction inside a transaction that fails leaves the outer one usable.
        let twice = in_a_transaction(&tx, ["c", "c"]).await;
        assert_eq!(kind(twice), ErrorKind::Unique);
        assert_eq!(everything(&tx).await, 4);
        tx.commit().await.unwrap();
        let read = library
            .db
            .read(&library.a, async |tx| Ok::<_, Error>(everything(tx).await));
        assert_eq!(read.await.unwrap(), 4);
    })
    .await;
}

#[tokio::test]
async fn transaction_closures_commit_and_roll_back() {
    on_both(async |library| {
        let tx = library.begin();
        let committed = tx.transaction::<_, Uuid, DbErr>(|inner| {
            Box::pin(async move { Ok(new_label("in").insert(inner).await?.id) })
        });
        let id = committed.await.unwrap();
        let refused = tx.transaction::<_, (), DbErr>(|inner| {
            Box::pin(async move {
                new_label("out").insert(inner).await?;
                Err(DbErr::Custom("no".into()))
            })
        });
        let refused = refused.await.unwrap_err();
        assert!(matches!(
            refused,
            TransactionError::Transaction(DbErr::Custom(_))
        ));
        let names = label::Entity::find()
            .order_by_asc(label::Column::Name)
            .all(&tx)
            .await;
        let names: Vec<_> = names.unwrap().into_iter().map(|it| it.name).collect();
        assert_eq!(names, ["in", "math", "verse"]);
        assert!(
            label::Entity::find_by_id(id)
                .one(&tx)
                .await
                .unwrap()
                .is_some()
        );
        // Three deep, the middle one given up.
        let middle = tx.begin().await.unwrap();
        let inner = middle.begin().await.unwrap();
        new_label("deep").insert(&inner).await.unwrap();
        TransactionSession::commit(inner).await.unwrap();
        assert_eq!(everything(&middle).await, 4);
        TransactionSession::rollback(middle).await.unwrap();
        assert_eq!(everything(&tx).await, 3);
    })
    .await;
}

#[tokio::test]
async fn queries_of_several_tasks_share_a_session() {
    on_both(async |library| {
        let tx = library.begin();
        let (labels, authors, one) = tokio::join!(
            label::Entity::find().all(&tx),
            author::Entity::find().count(&tx),
            author::Entity::find_by_name("ada").one(&tx),
        );
        assert_eq!((labels.unwrap().len(), authors.unwrap()), (2, 2));
        assert!(one.unwrap().is_some());
    })
    .await;
}
