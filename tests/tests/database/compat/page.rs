//! Pages, cursors and streams.

use dotmac_database::prelude::*;
use futures_util::TryStreamExt;
use sea_orm::{DerivePartialModel, PaginatorTrait};

use super::entity::{author, book, chapter, copy};
use super::library::{on_both, titles};

#[derive(Debug, DerivePartialModel)]
#[sea_orm(entity = "book::Entity")]
struct Title {
    title: String,
}

#[tokio::test]
async fn pages_of_entities_joins_and_partial_models() {
    on_both(async |library| {
        let tx = library.begin();
        let books = || book::Entity::find().order_by_asc(book::Column::Title);
        let pages = books().paginate(&tx, 2);
        let count = pages.num_items_and_pages().await.unwrap();
        assert_eq!((count.number_of_items, count.number_of_pages), (3, 2));
        assert_eq!(titles(&pages.fetch_page(1).await.unwrap()), ["Song"]);
        let joined = books().find_also_related(author::Entity).paginate(&tx, 2);
        let page = joined.fetch_page(1).await.unwrap();
        assert_eq!(page[0].1.as_ref().unwrap().name, "byron");
        let partial = books().into_partial_model::<Title>().paginate(&tx, 1);
        assert_eq!(partial.num_items().await.unwrap(), 3);
        assert_eq!(partial.fetch_page(2).await.unwrap()[0].title, "Song");
    })
    .await;
}

#[tokio::test]
async fn cursors_go_both_ways_over_one_and_several_columns() {
    on_both(async |library| {
        let tx = library.begin();
        let mut cursor = book::Entity::find().cursor_by(book::Column::Title);
        let found = cursor.after("Engines").first(5).all(&tx).await.unwrap();
        assert_eq!(titles(&found), ["Notes", "Song"]);
        let mut cursor = book::Entity::find().cursor_by(book::Column::Title);
        let found = cursor.before("Song").last(1).all(&tx).await.unwrap();
        assert_eq!(titles(&found), ["Notes"]);
        let mut cursor = book::Entity::find().cursor_by(book::Column::Title);
        let found = cursor.desc().first(2).all(&tx).await.unwrap();
        assert_eq!(titles(&found), ["Song", "Notes"]);
        let mut cursor = copy::Entity::find().cursor_by((copy::Column::Shelf, copy::Column::Place));
        let found = cursor.after(("east", 1)).first(9).all(&tx).await.unwrap();
        let places: Vec<_> = found
            .iter()
            .map(|it| (it.shelf.as_str(), it.place))
            .collect();
        assert_eq!(places, [("east", 2), ("west", 1)]);
        let mut joined = chapter::Entity::find()
            .find_also_related(book::Entity)
            .cursor_by(chapter::Column::Words);
        let found = joined.after(2).first(1).all(&tx).await.unwrap();
        assert_eq!(found[0].1.as_ref().unwrap().title, "Engines");
    })
    .await;
}

#[tokio::test]
async fn streams_of_entities_joins_and_partial_models() {
    on_both(async |library| {
        let tx = library.begin();
        let books = || book::Entity::find().order_by_asc(book::Column::Title);
        let stream = books().stream(&tx).await.unwrap();
        let all: Vec<_> = stream.try_collect().await.unwrap();
        assert_eq!(titles(&all), ["Engines", "Notes", "Song"]);
        let stream = books().find_also_related(author::Entity).stream(&tx).await;
        let joined: Vec<_> = stream.unwrap().try_collect().await.unwrap();
        assert!(joined.iter().all(|(_, author)| author.is_some()));
        let stream = books().stream_partial_model::<_, Title>(&tx).await.unwrap();
        let partial: Vec<_> = stream.try_collect().await.unwrap();
        assert_eq!(partial[2].title, "Song");
        let stream = books().into_json().stream(&tx).await.unwrap();
        let json: Vec<_> = stream.try_collect().await.unwrap();
        assert_eq!(json[0]["title"], "Engines");
        assert_eq!(json.len(), 3);
    })
    .await;
}
