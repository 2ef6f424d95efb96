//! Optimistic locking: nobody overwrites what he has not seen.

use dotmac_database::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{ConnectionTrait, EntityLoaderTrait};

use crate::library::{Library, book, new_book, shelf};
use crate::support::kind;

/// The versions that a stale error tells.
#[track_caller]
fn stale<T: std::fmt::Debug>(result: Result<T, DbErr>) -> (i32, i32) {
    match Error::from(result.unwrap_err()) {
        Error::StaleVersion { read, current, .. } => (read, current),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn version_counts_the_writes() {
    for library in Library::on_both().await {
        let book = library.book("1").await;
        assert_eq!(book.edition, 1);
        let second = library.retitle(&book, "Second").await;
        assert_eq!(second.edition, 2);
        assert_eq!(library.retitle(&second, "Third").await.edition, 3);
    }
}

#[tokio::test]
async fn version_of_a_new_row_is_not_the_callers() {
    for library in Library::on_both().await {
        let mut new = new_book("1");
        new.edition = Set(7);
        let written = library
            .db
            .write(&library.a, async |tx| new.insert(tx).await);
        assert_eq!(written.await.unwrap().edition, 1);
    }
}

#[tokio::test]
async fn changed_row_is_not_overwritten_and_the_session_goes_on() {
    for library in Library::on_both().await {
        let read = library.book("1").await;
        library.retitle(&read, "Theirs").await;
        library
            .db
            .write(&library.a, async |tx| {
                let mut mine = read.clone().into_active_model();
                mine.title = Set("Mine".into());
                assert_eq!(stale(mine.clone().update(tx).await), (1, 2));
                assert_eq!(stale(mine.clone().save(tx).await), (1, 2));
                assert_eq!(stale(mine.update_without_returning(tx).await), (1, 2));
                // Reads what is there, and writes on top of it.
                let now = book::Entity::find_by_id(read.id).one(tx).await?.unwrap();
                assert_eq!(now.title, "Theirs");
                let mut mine = now.into_active_model();
                mine.title = Set("Mine".into());
                assert_eq!(mine.update(tx).await?.edition, 3);
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn gone_row_differs_from_a_changed_one() {
    for library in Library::on_both().await {
        let read = library.book("1").await;
        library
            .db
            .write(&library.a, async |tx| {
                read.clone().delete(tx).await?;
                let mut mine = read.clone().into_active_model();
                mine.title = Set("Mine".into());
                let updated = mine.update(tx).await;
                assert_eq!(kind(updated), ErrorKind::NotFound);
                // As SeaORM: removing what is not there is no error.
                assert_eq!(read.clone().delete(tx).await?.rows_affected, 0);
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn row_of_another_tenant_is_gone_and_tells_no_version() {
    for library in Library::on_both().await {
        let read = library.book("1").await;
        library.retitle(&read, "Theirs").await;
        // The version that was read, the one that the row has, and a change of nothing.
        for (edition, title) in [(1, Set("x".into())), (2, Set("x".into())), (2, NotSet)] {
            let foreign = library.db.write(&library.b, async |tx| {
                let stolen = book::ActiveModel {
                    id: Unchanged(read.id),
                    edition: Unchanged(edition),
                    title,
                    ..Default::default()
                };
                stolen.update(tx).await
            });
            assert_eq!(kind(foreign.await), ErrorKind::NotFound);
        }
    }
}

#[tokio::test]
async fn version_of_a_form_is_the_one_to_compare() {
    for library in Library::on_both().await {
        let book = library.book("1").await;
        let book = library.retitle(&book, "Second").await;
        library
            .db
            .write(&library.a, async |tx| {
                let form = |edition| book::ActiveModel {
                    id: Unchanged(book.id),
                    edition: Set(edition),
                    title: Set("Form".into()),
                    ..Default::default()
                };
                assert_eq!(stale(form(1).update(tx).await), (1, 2));
                assert_eq!(stale(form(3).update(tx).await), (3, 2));
                assert_eq!(form(2).update(tx).await?.edition, 3);
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn update_without_a_version_is_refused() {
    for library in Library::on_both().await {
        let book = library.book("1").await;
        let blind = library.db.write(&library.a, async |tx| {
            book::ActiveModel {
                id: Unchanged(book.id),
                title: Set("Blind".into()),
                ..Default::default()
            }
            .update(tx)
            .await
        });
        assert_eq!(kind(blind.await), ErrorKind::MissingVersion);
    }
}

/// A function over any entity, which reaches SeaORM's own `update` and not ours.
async fn update_any<A, C>(row: A, db: &C) -> Result<<A::Entity as EntityTrait>::Model, DbErr>
where
    A: ActiveModelTrait + ActiveModelBehavior + Send,
    <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
    C: ConnectionTrait,
{
    row.update(db).await
}

#[tokio::test]
async fn generic_code_overwrites_nothing_either() {
    for library in Library::on_both().await {
        let read = library.book("1").await;
        let second = library.retitle(&read, "Theirs").await;
        let mut mine = read.into_active_model();
        mine.title = Set("Mine".into());
        let written = library
            .db
            .write(&library.a, async |tx| update_any(mine, tx).await);
        assert_eq!(kind(written.await), ErrorKind::StaleVersion);
        let mut mine = second.into_active_model();
        mine.title = Set("Mine".into());
        let written = library
            .db
            .write(&library.a, async |tx| update_any(mine, tx).await);
        assert_eq!(written.await.unwrap().edition, 3);
    }
}

#[tokio::test]
async fn delete_and_restore_ask_for_the_version() {
    for library in Library::on_both().await {
        let read = library.book("1").await;
        let second = library.retitle(&read, "Theirs").await;
        library
            .db
            .write(&library.a, async |tx| {
                assert_eq!(stale(read.clone().delete(tx).await), (1, 2));
                assert_eq!(stale(read.clone().soft_delete(tx).await), (1, 2));
                let gone = second.clone().soft_delete(tx).await?;
                assert_eq!(gone.edition, 3);
                assert_eq!(stale(second.clone().restore(tx).await), (2, 3));
                assert_eq!(gone.restore(tx).await?.edition, 4);
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn physical_delete_asks_for_the_version() {
    for library in Library::on_both().await {
        library
            .db
            .write(&library.a, async |tx| {
                let read = shelf::ActiveModel {
                    name: Set("A".into()),
                    ..Default::default()
                }
                .insert(tx)
                .await?;
                let mut changed = read.clone().into_active_model();
                changed.name = Set("B".into());
                let changed = changed.update(tx).await?;
                assert_eq!(stale(read.delete(tx).await), (1, 2));
                assert_eq!(changed.delete(tx).await?.rows_affected, 1);
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn nested_save_of_a_changed_child_undoes_the_whole() {
    for library in Library::on_both().await {
        library
            .db
            .write(&library.a, async |tx| {
                let shelf = shelf::ActiveModel::builder()
                    .set_name("A")
                    .add_book(
                        book::ActiveModel::builder()
                            .set_isbn("1")
                            .set_place(1)
                            .set_title("x"),
                    )
                    .save(tx)
                    .await?;
                let shelf = shelf::Entity::load()
                    .filter_by_id(shelf.id.unwrap())
                    .with(book::Entity)
                    .one(tx)
                    .await?
                    .unwrap();
                let child = book::Entity::find().one(tx).await?.unwrap();
                let mut theirs = child.into_active_model();
                theirs.title = Set("Theirs".into());
                theirs.update(tx).await?;

                let mut mine = shelf.into_active_model();
                mine.name = Set("B".into());
                let books = &mut mine.books;
                books.as_mut_vec()[0].title = Set("Mine".into());
                assert_eq!(stale(mine.save(tx).await), (1, 2));
                let shelf = shelf::Entity::find().one(tx).await?.unwrap();
                assert_eq!((shelf.name.as_str(), shelf.version), ("A", 1));
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn update_many_asks_for_and_counts_versions() {
    for library in Library::on_both().await {
        let book = library.book("1").await;
        library
            .db
            .write(&library.a, async |tx| {
                let retitle = || {
                    book::Entity::update_many().col_expr(book::Column::Title, Expr::value("All"))
                };
                assert_eq!(retitle().at_version(1).exec(tx).await?.rows_affected, 1);
                assert_eq!(retitle().at_version(1).exec(tx).await?.rows_affected, 0);
                assert_eq!(retitle().next_version().exec(tx).await?.rows_affected, 1);
                let now = book::Entity::find_by_id(book.id).one(tx).await?.unwrap();
                assert_eq!(now.edition, 3);
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn raw_statement_counts_the_version_on_postgres() {
    let library = Library::on_postgres().await;
    let read = library.book("1").await;
    library
        .db
        .write(&library.a, async |tx| {
            tx.execute_unprepared("UPDATE books SET title = 'raw'")
                .await?;
            let mut mine = read.into_active_model();
            mine.title = Set("Mine".into());
            assert_eq!(stale(mine.update(tx).await), (1, 2));
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn of_many_writers_at_once_each_version_has_one() {
    const WRITERS: usize = 8;
    const TURNS: usize = 25;
    let library = Library::on_postgres().await;
    let book = library.book("1").await;
    let add = async || {
        // Reads, adds one, and begins anew when somebody was faster.
        loop {
            let added = library.db.write(&library.a, async |tx| {
                let read = book::Entity::find_by_id(book.id).one(tx).await?.unwrap();
                let mut changed = read.clone().into_active_model();
                changed.place = Set(read.place + 1);
                changed.update(tx).await
            });
            match added.await {
                Ok(_) => return,
                Err(error) => assert_eq!(Error::from(error).kind(), ErrorKind::StaleVersion),
            }
        }
    };
    let writers = (0..WRITERS).map(|_| async {
        for _ in 0..TURNS {
            add().await;
        }
    });
    futures_util::future::join_all(writers).await;
    let last = library
        .db
        .read(&library.a, async |tx| book::Entity::find().one(tx).await);
    let last = last.await.unwrap().unwrap();
    let turns = i32::try_from(WRITERS * TURNS).unwrap();
    assert_eq!((last.place, last.edition), (1 + turns, 1 + turns));
}
