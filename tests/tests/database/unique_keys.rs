//! Unique keys by attribute, upserts that meet them, and checks.

use dotmac_database::migrate::{create_check, drop_check};
use dotmac_database::prelude::*;

use migration::entity::order;
use sea_orm::ConnectionTrait;
use sea_orm_migration::SchemaManager;

use crate::library::{Library, book, new_book, shelf};
use crate::support::{Shop, kind};

#[tokio::test]
async fn value_is_unique_among_the_live_rows_of_a_tenant() {
    for library in Library::on_both().await {
        let first = library.book("1").await;
        let again = |context| {
            library
                .db
                .write(context, async |tx| new_book("1").insert(tx).await)
        };
        assert_eq!(kind(again(&library.a).await), ErrorKind::Unique);
        again(&library.b).await.unwrap();
        let deleted = library
            .db
            .write(&library.a, async |tx| first.soft_delete(tx).await);
        let deleted = deleted.await.unwrap();
        again(&library.a).await.unwrap();
        let restored = library
            .db
            .write(&library.a, async |tx| deleted.restore(tx).await);
        assert_eq!(kind(restored.await), ErrorKind::Unique);
    }
}

#[tokio::test]
async fn violation_tells_the_columns_though_postgres_hides_them_under_policies() {
    for library in Library::on_both().await {
        library.book("1").await;
        let taken = library
            .db
            .write(&library.a, async |tx| new_book("1").insert(tx).await);
        let Error::Unique { violation, .. } = Error::from(taken.await.unwrap_err()) else {
            panic!("not a unique violation");
        };
        assert_eq!(violation.table.as_deref(), Some("books"));
        assert_eq!(violation.columns, ["tenant_id", "isbn"]);
    }
}

#[tokio::test]
async fn group_is_unique_together() {
    for library in Library::on_both().await {
        let result = library.db.write(&library.a, async |tx| {
            let shelf = shelf::ActiveModel {
                name: Set("A".into()),
                ..Default::default()
            }
            .insert(tx)
            .await?;
            let at = |isbn: &str, place| book::ActiveModel {
                shelf_id: Set(Some(shelf.id)),
                place: Set(place),
                ..new_book(isbn)
            };
            at("1", 1).insert(tx).await?;
            at("2", 2).insert(tx).await?;
            at("3", 1).insert(tx).await
        });
        assert_eq!(kind(result.await), ErrorKind::Unique);
    }
}

#[tokio::test]
async fn upsert_inserts_and_then_updates() {
    for library in Library::on_both().await {
        library
            .db
            .write(&library.a, async |tx| {
                let titled = |title: &str| book::ActiveModel {
                    title: Set(title.to_owned()),
                    ..new_book("1")
                };
                let upsert = |title| book::Entity::upsert(titled(title)).on([book::Column::Isbn]);
                let first = upsert("First").exec(tx).await?;
                assert_eq!((first.title.as_str(), first.edition), ("First", 1));
                let second = upsert("Second").exec(tx).await?;
                assert_eq!(second.id, first.id);
                assert_eq!((second.title.as_str(), second.edition), ("Second", 2));
                assert_eq!(second.created_at, first.created_at);
                // Only what is named.
                let named = book::Entity::upsert(book::ActiveModel {
                    place: Set(9),
                    ..titled("Third")
                });
                let third = named
                    .on([book::Column::Isbn])
                    .update([book::Column::Place])
                    .exec(tx)
                    .await?;
                assert_eq!((third.title.as_str(), third.place), ("Second", 9));
                assert_eq!(book::Entity::find().all(tx).await?.len(), 1);
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn upsert_does_not_meet_deleted_rows() {
    for library in Library::on_both().await {
        let first = library.book("1").await;
        library
            .db
            .write(&library.a, async |tx| {
                let id = first.id;
                first.delete(tx).await?;
                let upserted = book::Entity::upsert(new_book("1")).on([book::Column::Isbn]);
                assert_ne!(upserted.exec(tx).await?.id, id);
                assert_eq!(book::Entity::find_with_deleted().all(tx).await?.len(), 2);
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn i25_upsert_does_not_meet_rows_of_another_tenant() {
    for library in Library::on_both().await {
        let first = library.book("1").await;
        let own = library.db.write(&library.b, async |tx| {
            let upserted = book::Entity::upsert(new_book("1")).on([book::Column::Isbn]);
            upserted.exec(tx).await
        });
        assert_ne!(own.await.unwrap().id, first.id);
        // By the primary key it would meet one.
        let by_key = library.db.write(&library.b, async |tx| {
            let row = book::ActiveModel {
                id: Set(first.id),
                title: Set("Stolen".into()),
                ..new_book("2")
            };
            book::Entity::upsert(row).exec(tx).await
        });
        assert_eq!(kind(by_key.await), ErrorKind::Unique);
        let kept = library.db.read(&library.a, async |tx| {
            book::Entity::find_by_id(first.id).one(tx).await
        });
        assert_eq!(kept.await.unwrap().unwrap().title, "Untitled");
    }
}

#[tokio::test]
async fn i18_upsert_by_a_foreign_key_locks_nobodys_row() {
    let library = Library::on_postgres().await;
    let foreign = library.book("1").await;
    let session = library.db.begin(&library.b).unwrap();
    // In a savepoint that stays: what it locked stays locked.
    let nested = session.nested().unwrap();
    let row = book::ActiveModel {
        id: Set(foreign.id),
        ..new_book("2")
    };
    let upserted = book::Entity::upsert(row).exec(&nested).await;
    let owner = library.db.write(&library.a, async |tx| {
        let own = book::Entity::find_by_id(foreign.id);
        own.for_update(LockWait::Nowait).one(tx).await
    });
    assert!(owner.await.unwrap().is_some());
    assert_eq!(kind(upserted), ErrorKind::Unique);
    drop(nested);
}

#[tokio::test]
async fn upsert_by_columns_that_are_not_unique_is_refused() {
    for library in Library::on_both().await {
        let refused = library.db.write(&library.a, async |tx| {
            let upserted = book::Entity::upsert(new_book("1")).on([book::Column::Title]);
            upserted.exec(tx).await
        });
        let error = Error::from(refused.await.unwrap_err());
        assert!(matches!(error, Error::NoUniqueKey { .. }), "{error}");
    }
}

#[tokio::test]
async fn upsert_stamps_who_updated_and_keeps_who_inserted() {
    for library in Library::on_both().await {
        library.book("1").await;
        let other = library.a.clone().user("other").unwrap();
        let row = library.db.write(&other, async |tx| {
            let upserted = book::Entity::upsert(new_book("1")).on([book::Column::Isbn]);
            upserted.exec(tx).await
        });
        let row = row.await.unwrap();
        assert_eq!(row.created_by.as_deref(), Some("acme-user"));
        assert_eq!(row.updated_by.as_deref(), Some("other"));
    }
}

#[tokio::test]
async fn check_is_named_after_its_table_and_can_be_made_again() {
    let shop = Shop::open().await;
    let migrator = shop.migrator().await;
    let manager = SchemaManager::new(&migrator);
    for condition in ["total_cents >= 0", "total_cents > 0"] {
        create_check::<order::Entity>(&manager, "positive_total", condition)
            .await
            .unwrap();
    }
    let zero = "UPDATE orders SET total_cents = 0";
    let run = || {
        shop.db
            .write(&shop.a, async |tx| tx.execute_unprepared(zero).await)
    };
    let refused = run().await.unwrap_err();
    assert!(
        refused.to_string().contains("ck_orders_positive_total"),
        "{refused}"
    );
    drop_check::<order::Entity>(&manager, "positive_total")
        .await
        .unwrap();
    run().await.unwrap();
}
