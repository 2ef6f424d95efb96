//! Loaders, and the entity loader with nested entities.

use dotmac_database::prelude::*;
use sea_orm::{EntityLoaderTrait, LoaderTrait};

use super::entity::{author, book, book_label, chapter, copy, label, profile};
use super::library::{on_both, titles};

async fn books(tx: &Session) -> Vec<book::Model> {
    let select = book::Entity::find().order_by_asc(book::Column::Title);
    select.all(tx).await.unwrap()
}

#[tokio::test]
async fn loaders_load_live_rows() {
    on_both(async |library| {
        let tx = library.begin();
        let books = books(&tx).await;
        assert_eq!(titles(&books), ["Engines", "Notes", "Song"]);
        let authors = books.load_one(author::Entity, &tx).await.unwrap();
        let names: Vec<_> = authors
            .iter()
            .flatten()
            .map(|it| it.name.as_str())
            .collect();
        assert_eq!(names, ["ada", "ada", "byron"]);
        let chapters = books.load_many(chapter::Entity, &tx).await.unwrap();
        let counts: Vec<_> = chapters.iter().map(Vec::len).collect();
        assert_eq!(counts, [2, 2, 0]);
        let long = chapter::Entity::find().filter(chapter::Column::Words.gte(10));
        let chapters = books.load_many(long, &tx).await.unwrap();
        let counts: Vec<_> = chapters.iter().map(Vec::len).collect();
        assert_eq!(counts, [2, 0, 0]);
        let labels = books.load_many_to_many(label::Entity, book_label::Entity, &tx);
        let labels: Vec<Vec<_>> = labels
            .await
            .unwrap()
            .into_iter()
            .map(|labels| labels.into_iter().map(|label| label.name).collect())
            .collect();
        assert_eq!(labels, [vec!["math"], vec![], vec!["verse"]]);
        let originals = books
            .load_self(book::Entity, book::Relation::Original, &tx)
            .await
            .unwrap();
        assert_eq!(originals[1].as_ref(), Some(&books[0]));
        let sequels = books
            .load_self_many(book::Entity, book::Relation::Original, &tx)
            .await
            .unwrap();
        assert_eq!(sequels[0], [books[1].clone()]);
    })
    .await;
}

#[tokio::test]
async fn entity_loader_loads_entities_of_entities() {
    on_both(async |library| {
        let tx = library.begin();
        let authors = author::Entity::load()
            .with(profile::Entity)
            .with((book::Entity, chapter::Entity))
            .with((book::Entity, label::Entity))
            .with((book::Entity, copy::Entity))
            .order_by_asc(author::Column::Name)
            .all(&tx)
            .await
            .unwrap();
        let [ada, byron] = authors.as_slice() else {
            panic!("{authors:?}");
        };
        assert_eq!(ada.profile.as_ref().unwrap().about, "countess");
        assert!(byron.profile.as_ref().is_none());
        let engines = ada.books.iter().find(|it| it.title == "Engines").unwrap();
        assert_eq!((ada.books.len(), byron.books.len()), (2, 1));
        assert_eq!((engines.chapters.len(), engines.copies.len()), (2, 2));
        assert_eq!(engines.labels.len(), 1);
        assert_eq!(
            (byron.books[0].labels.len(), byron.books[0].copies.len()),
            (1, 0)
        );
    })
    .await;
}

#[tokio::test]
async fn entity_loader_filters_pages_and_finds_by_unique_columns() {
    on_both(async |library| {
        let tx = library.begin();
        let one = book::Entity::load()
            .filter(book::Column::Title.eq("Notes"))
            .with(author::Entity)
            .one(&tx)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(one.author.as_ref().unwrap().name, "ada");
        let lost = book::Entity::load().filter(book::Column::Title.eq("Lost"));
        assert!(lost.one(&tx).await.unwrap().is_none());
        let found = author::Entity::find_by_name("byron").one(&tx).await;
        assert_eq!(found.unwrap().unwrap().name, "byron");
        let gone = author::Entity::find_by_name("gone").one(&tx).await;
        assert_eq!(gone.unwrap(), None);
        let page = book::Entity::load()
            .with(chapter::Entity)
            .order_by_desc(book::Column::Title)
            .paginate(&tx, 2);
        let first = page.fetch_page(0).await.unwrap();
        assert_eq!(
            (first[0].title.as_str(), first[1].title.as_str()),
            ("Song", "Notes")
        );
        assert_eq!(first[1].chapters.len(), 2);
    })
    .await;
}
