//! Many rows in one statement: inserts, conflicts, updates, deletes, and what they return.

use dotmac_database::prelude::*;
use sea_orm::sea_query::{ExprTrait, OnConflict};
use sea_orm::{InsertMany, TryInsertResult};

use super::entity::{author, chapter, copy, label};
use super::library::on_both;

fn labels<const N: usize>(names: [&str; N]) -> InsertMany<label::ActiveModel> {
    label::Entity::insert_many(names.map(|name| label::ActiveModel {
        id: Set(Uuid::now_v7()),
        tenant_id: Set("acme".into()),
        name: Set(name.into()),
        // Bulk statements run no hooks: on SQLite nothing else stamps.
        created_at: Set(chrono::Utc::now()),
        updated_at: Set(chrono::Utc::now()),
        ..Default::default()
    }))
}

#[tokio::test]
async fn many_rows_are_inserted_and_returned() {
    on_both(async |library| {
        let tx = library.begin();
        let rows = labels(["a", "b"]).exec_with_returning(&tx).await.unwrap();
        assert!(
            rows.iter()
                .all(|row| row.tenant_id == "acme" && row.is_active)
        );
        let keys = labels(["c"]).exec_with_returning_keys(&tx).await.unwrap();
        assert_eq!(keys.len(), 1);
        let count = labels(["d", "e"])
            .exec_without_returning(&tx)
            .await
            .unwrap();
        assert_eq!(count, 2);
        let empty = label::Entity::insert_many::<label::ActiveModel, _>([]);
        assert_eq!(empty.exec(&tx).await.unwrap().last_insert_id, None);
        assert_eq!(label::Entity::find().all(&tx).await.unwrap().len(), 2 + 5);
    })
    .await;
}

#[tokio::test]
async fn conflict_on_the_key_updates_or_does_nothing() {
    on_both(async |library| {
        let tx = library.begin();
        let old = copy::Entity::find()
            .filter(copy::Column::Place.eq(2))
            .one(&tx)
            .await
            .unwrap()
            .unwrap();
        let again = |lent| {
            let copy = copy::ActiveModel {
                lent: Set(lent),
                ..old.clone().into_active_model().reset_all()
            };
            // A generated column is not written.
            copy::Entity::insert_many([copy::ActiveModel {
                is_active: NotSet,
                ..copy
            }])
        };
        let key = [
            copy::Column::Shelf,
            copy::Column::Place,
            copy::Column::BookId,
        ];
        let upsert = OnConflict::columns(key)
            .update_column(copy::Column::Lent)
            .to_owned();
        let rows = again(50).on_conflict(upsert).exec_with_returning(&tx);
        assert_eq!(rows.await.unwrap()[0].lent, 50);
        let nothing = again(60).on_conflict_do_nothing_on(key).exec(&tx).await;
        assert!(matches!(nothing.unwrap(), TryInsertResult::Conflicted));
        let key = (old.shelf.clone(), old.place, old.book_id);
        let stored = copy::Entity::find_by_id(key)
            .one(&tx)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((stored.lent, stored.created_at), (50, old.created_at));
    })
    .await;
}

#[tokio::test]
async fn many_rows_are_updated_and_returned() {
    on_both(async |library| {
        let tx = library.begin();
        let rows = chapter::Entity::update_many()
            .col_expr(
                chapter::Column::Words,
                Expr::col(chapter::Column::Words).add(1),
            )
            .filter(chapter::Column::Number.eq(1))
            .exec_with_returning(&tx)
            .await
            .unwrap();
        let mut words: Vec<_> = rows.iter().map(|row| row.words).collect();
        words.sort_unstable();
        assert_eq!(words, [2, 11]);
        let set = chapter::ActiveModel {
            words: Set(0),
            ..Default::default()
        };
        let all = chapter::Entity::update_many()
            .set(set)
            .exec(&tx)
            .await
            .unwrap();
        assert_eq!(all.rows_affected, 6, "deleted rows too: it is not scoped");
        let one = author::Entity::find_by_name("ada")
            .one(&tx)
            .await
            .unwrap()
            .unwrap();
        let update = author::ActiveModel {
            name: Set("Ada".into()),
            ..one.into_active_model()
        };
        let updated = author::Entity::update(update).exec(&tx).await.unwrap();
        assert_eq!(updated.name, "Ada");
    })
    .await;
}

#[tokio::test]
async fn many_rows_are_deleted_and_returned() {
    on_both(async |library| {
        let tx = library.begin();
        let marked = chapter::Entity::delete_many()
            .filter(chapter::Column::Words.lt(10))
            .exec_with_returning(&tx)
            .await
            .unwrap();
        assert_eq!(marked.len(), 2);
        assert!(marked.iter().all(chapter::Model::is_deleted));
        assert_eq!(chapter::Entity::find().all(&tx).await.unwrap().len(), 2);
        let rest = chapter::Entity::delete_many().exec(&tx).await.unwrap();
        assert_eq!(rest.rows_affected, 2);
        assert_eq!(
            chapter::Entity::only_deleted()
                .all(&tx)
                .await
                .unwrap()
                .len(),
            6
        );
    })
    .await;
}
