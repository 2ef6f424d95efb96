//! Active models with entities inside: saved at once, appended to, replaced, deleted in cascade.

use dotmac_database::prelude::*;
use sea_orm::EntityLoaderTrait;

use super::entity::{author, book, chapter, copy, label, profile};
use super::library::{cents, on_both};

fn edition() -> book::Edition {
    book::Edition {
        year: 1,
        languages: Vec::new(),
    }
}

fn new_book(title: &str) -> book::ActiveModelEx {
    book::ActiveModel::builder()
        .set_title(title)
        .set_price(cents(1))
        .set_genre(book::Genre::Poetry)
        .set_edition(edition())
}

#[tokio::test]
async fn author_with_profile_books_chapters_and_labels_is_saved_at_once() {
    on_both(async |library| {
        let tx = library.begin();
        let math = label::Entity::find_by_name("math").one(&tx).await;
        let math = math.unwrap().unwrap();
        let saved = author::ActiveModel::builder()
            .set_name("new")
            .set_profile(profile::ActiveModel::builder().set_about("poet"))
            .add_book(
                new_book("One")
                    .add_chapter(chapter::ActiveModel::builder().set_number(1).set_words(2))
                    .add_label(label::ActiveModel::builder().set_name("fresh"))
                    .add_label(math.into_ex()),
            )
            .add_book(new_book("Two"))
            .save(&tx)
            .await
            .unwrap();
        let id = *saved.id.as_ref();
        let loaded = author::Entity::load()
            .filter_by_id(id)
            .with(profile::Entity)
            .with((book::Entity, chapter::Entity))
            .with((book::Entity, label::Entity))
            .one(&tx)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(loaded.created_by.as_deref(), Some("acme-user"));
        assert_eq!(loaded.profile.as_ref().unwrap().tenant_id, "acme");
        let one = loaded.books.iter().find(|it| it.title == "One").unwrap();
        assert_eq!((one.chapters.len(), one.labels.len()), (1, 2));
        assert!(one.chapters.iter().all(|it| it.tenant_id == "acme"));
    })
    .await;
}

#[tokio::test]
async fn replaced_children_are_marked_and_not_removed() {
    on_both(async |library| {
        let tx = library.begin();
        let loaded = book::Entity::load()
            .filter(book::Column::Title.eq("Engines"))
            .with(chapter::Entity)
            .one(&tx)
            .await
            .unwrap()
            .unwrap();
        let kept = loaded.chapters[0].clone();
        let before = chapter::Entity::find_with_deleted().all(&tx).await.unwrap();
        let mut changed = loaded.clone().into_active_model();
        changed.chapters.replace_all([
            kept.clone().into_active_model(),
            chapter::ActiveModel::builder().set_number(9).set_words(9),
        ]);
        changed.save(&tx).await.unwrap();
        let mut live = chapter::Entity::find()
            .filter(chapter::Column::BookId.eq(loaded.id))
            .order_by_asc(chapter::Column::Number)
            .all(&tx)
            .await
            .unwrap();
        assert_eq!(live.pop().unwrap().number, 9);
        assert_eq!((live.len(), live[0].id), (1, kept.id));
        let after = chapter::Entity::find_with_deleted().all(&tx).await.unwrap();
        assert_eq!(after.len(), before.len() + 1);
    })
    .await;
}

#[tokio::test]
async fn replaced_labels_are_unlinked_and_stay() {
    on_both(async |library| {
        let tx = library.begin();
        let loaded = book::Entity::load()
            .filter(book::Column::Title.eq("Song"))
            .with(label::Entity)
            .one(&tx)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(loaded.labels[0].name, "verse");
        let math = label::Entity::find_by_name("math").one(&tx).await;
        let math = math.unwrap().unwrap().into_ex().into_active_model();
        let mut changed = loaded.clone().into_active_model();
        changed.labels.replace_all([math]);
        changed.save(&tx).await.unwrap();
        let song = book::Entity::find_by_id(loaded.id).one(&tx).await;
        let labels = song.unwrap().unwrap().find_related(label::Entity);
        let labels = labels.all(&tx).await.unwrap();
        let names: Vec<_> = labels.into_iter().map(|it| it.name).collect();
        assert_eq!(names, ["math"]);
        assert_eq!(label::Entity::find().all(&tx).await.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn cascade_delete_marks_what_belongs_to_the_row() {
    on_both(async |library| {
        let tx = library.begin();
        let notes = book::Entity::find()
            .filter(book::Column::Title.eq("Notes"))
            .one(&tx)
            .await
            .unwrap()
            .unwrap();
        let of_notes = chapter::Column::BookId.eq(notes.id);
        let lent = copy::Column::BookId.eq(notes.id);
        notes.clone().cascade_delete(&tx).await.unwrap();
        let found = book::Entity::find_by_id(notes.id).one(&tx).await.unwrap();
        assert_eq!(found, None);
        let chapters = || chapter::Entity::find_with_deleted().filter(of_notes.clone());
        let all = chapters().all(&tx).await.unwrap();
        assert_eq!(
            (all.len(), all.iter().filter(|it| it.is_deleted()).count()),
            (3, 3)
        );
        let copies = copy::Entity::find_with_deleted().filter(lent);
        assert!(
            copies
                .all(&tx)
                .await
                .unwrap()
                .iter()
                .all(|it| it.is_deleted())
        );
    })
    .await;
}

#[tokio::test]
async fn save_inserts_a_row_without_key_and_updates_one_with() {
    on_both(async |library| {
        let tx = library.begin();
        let new = author::ActiveModel {
            name: Set("new".into()),
            ..Default::default()
        };
        let mut saved = new.save(&tx).await.unwrap();
        assert_eq!(saved.tenant_id.as_ref(), "acme");
        saved.name = Set("renamed".into());
        let saved = saved.save(&tx).await.unwrap();
        let found = author::Entity::find_by_name("renamed").one(&tx).await;
        assert_eq!(&found.unwrap().unwrap().id, saved.id.as_ref());
        assert_eq!(author::Entity::find().all(&tx).await.unwrap().len(), 3);
    })
    .await;
}
