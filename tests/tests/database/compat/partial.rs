//! Partial models: some columns, expressions, entities nested in entities; forms on the way in.

use dotmac_database::prelude::*;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{DeriveIntoActiveModel, DerivePartialModel, JoinType, RelationTrait};

use super::entity::{author, book, chapter};
use super::library::on_both;

#[derive(Debug, PartialEq, DerivePartialModel)]
#[sea_orm(entity = "author::Entity")]
struct Writer {
    name: String,
}

#[derive(Debug, PartialEq, DerivePartialModel)]
#[sea_orm(entity = "book::Entity")]
struct Title {
    title: String,
    #[sea_orm(from_col = "genre")]
    kind: book::Genre,
    #[sea_orm(nested)]
    author: Option<Writer>,
}

#[derive(Debug, DerivePartialModel)]
#[sea_orm(entity = "chapter::Entity")]
struct Page {
    words: i32,
    #[sea_orm(from_expr = "chapter::Column::Words.into_expr().mul(2)")]
    doubled: i32,
    #[sea_orm(nested)]
    book: Option<Title>,
}

#[tokio::test]
async fn nested_partial_models_are_filled() {
    on_both(async |library| {
        let tx = library.begin();
        let pages = chapter::Entity::find()
            .join(JoinType::LeftJoin, chapter::Relation::Book.def())
            .join(JoinType::LeftJoin, book::Relation::Author.def())
            .order_by_asc(chapter::Column::Words)
            .into_partial_model::<Page>()
            .all(&tx)
            .await
            .unwrap();
        let words: Vec<_> = pages
            .iter()
            .map(|page| (page.words, page.doubled))
            .collect();
        assert_eq!(words, [(1, 2), (2, 4), (10, 20), (20, 40)]);
        let notes = Title {
            title: "Notes".into(),
            kind: book::Genre::Science,
            author: Some(Writer { name: "ada".into() }),
        };
        assert_eq!(pages[0].book.as_ref(), Some(&notes));
    })
    .await;
}

#[tokio::test]
async fn nested_partial_model_of_a_deleted_row_is_none() {
    on_both(async |library| {
        let tx = library.begin();
        let byron = author::Entity::find_by_name("byron").one(&tx).await;
        byron.unwrap().unwrap().delete(&tx).await.unwrap();
        let select = || {
            book::Entity::find()
                .left_join(author::Entity)
                .order_by_asc(book::Column::Title)
        };
        let titles = select()
            .into_partial_model::<Title>()
            .all(&tx)
            .await
            .unwrap();
        let named: Vec<_> = titles.iter().map(|it| it.author.is_some()).collect();
        assert_eq!(named, [true, true, false]);
        let one = select()
            .into_partial_model::<Title>()
            .one(&tx)
            .await
            .unwrap();
        assert_eq!(one.unwrap().title, "Engines");
    })
    .await;
}

#[derive(DeriveIntoActiveModel)]
#[sea_orm(active_model = "author::ActiveModel")]
struct NewAuthor {
    name: String,
}

#[derive(DerivePartialModel)]
#[sea_orm(entity = "author::Entity", into_active_model)]
struct Renaming {
    id: Uuid,
    name: String,
}

#[tokio::test]
async fn forms_and_partial_models_are_saved() {
    on_both(async |library| {
        let tx = library.begin();
        let form = NewAuthor { name: "new".into() };
        let row = form.into_active_model().insert(&tx).await.unwrap();
        assert_eq!((row.tenant_id.as_str(), row.is_active), ("acme", true));
        let mut form = author::Entity::find_by_id(row.id)
            .into_partial_model::<Renaming>()
            .one(&tx)
            .await
            .unwrap()
            .unwrap();
        form.name = "renamed".into();
        let saved = form.into_active_model().update(&tx).await.unwrap();
        assert_eq!((saved.id, saved.name.as_str()), (row.id, "renamed"));
        assert_eq!(saved.created_at, row.created_at);
    })
    .await;
}
