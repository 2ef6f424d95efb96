//! Selects of the user's own shape: tuples, structs, groups, expressions.

use dotmac_database::prelude::*;
use sea_orm::sea_query::{ExprTrait, Func, Query};
use sea_orm::{DeriveColumn, FromQueryResult, JoinType, PaginatorTrait, QueryTrait, RelationTrait};

use super::entity::{author, book, chapter};
use super::library::on_both;

#[derive(Debug, PartialEq, FromQueryResult)]
struct Words {
    title: String,
    chapters: i64,
    longest: Option<i32>,
}

#[tokio::test]
async fn groups_are_filtered_and_counted() {
    on_both(async |library| {
        let tx = library.begin();
        let select = || {
            book::Entity::find()
                .select_only()
                .column(book::Column::Title)
                .column_as(chapter::Column::Id.count(), "chapters")
                .column_as(chapter::Column::Words.max(), "longest")
                .join(JoinType::LeftJoin, book::Relation::Chapter.def())
                .group_by(book::Column::Title)
                .order_by_asc(book::Column::Title)
        };
        let words = |title: &str, chapters, longest| Words {
            title: title.into(),
            chapters,
            longest,
        };
        let all = select().into_model::<Words>().all(&tx).await.unwrap();
        let expected = [
            words("Engines", 2, Some(20)),
            words("Notes", 2, Some(2)),
            words("Song", 0, None),
        ];
        assert_eq!(all, expected);
        let long = select().having(chapter::Column::Words.max().gt(5));
        let long = long.into_model::<Words>().all(&tx).await.unwrap();
        assert_eq!(long, expected[..1]);
    })
    .await;
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveColumn)]
enum Named {
    Title,
    Letters,
}

#[tokio::test]
async fn tuples_named_columns_and_expressions() {
    on_both(async |library| {
        let tx = library.begin();
        let tuples: Vec<(String, Option<book::Binding>)> = book::Entity::find()
            .select_only()
            .columns([book::Column::Title, book::Column::Binding])
            .order_by_asc(book::Column::Title)
            .into_tuple()
            .all(&tx)
            .await
            .unwrap();
        assert_eq!(tuples.len(), 3);
        assert_eq!(tuples[0], ("Engines".into(), Some(book::Binding::Cloth)));
        let named: Vec<(String, i32)> = book::Entity::find()
            .select_only()
            .column(book::Column::Title)
            .expr_as(Func::char_length(Expr::col(book::Column::Title)), "letters")
            .order_by_asc(book::Column::Title)
            .into_values::<_, Named>()
            .all(&tx)
            .await
            .unwrap();
        assert_eq!(named[2], ("Song".into(), 4));
        let genres: Vec<book::Genre> = book::Entity::find()
            .select_only()
            .column(book::Column::Genre)
            .distinct()
            .into_tuple()
            .all(&tx)
            .await
            .unwrap();
        assert_eq!(genres.len(), 2);
        let json = author::Entity::find()
            .select_only()
            .column(author::Column::Name)
            .order_by_asc(author::Column::Name)
            .into_json()
            .all(&tx)
            .await
            .unwrap();
        assert_eq!(
            json,
            [
                serde_json::json!({"name": "ada"}),
                serde_json::json!({"name": "byron"})
            ]
        );
        let total: Option<i64> = chapter::Entity::find()
            .select_only()
            .column_as(chapter::Column::Words.sum(), "words")
            .into_tuple()
            .one(&tx)
            .await
            .unwrap();
        assert_eq!(total, Some(33));
    })
    .await;
}

#[tokio::test]
async fn counts_subqueries_and_unions() {
    on_both(async |library| {
        let tx = library.begin();
        assert_eq!(chapter::Entity::find().count(&tx).await.unwrap(), 4);
        let none = book::Entity::find().filter(book::Column::Title.eq("Lost"));
        assert_eq!(none.count(&tx).await.unwrap(), 0);
        // A sub-query of an entity's select is scoped as the entity is.
        let with_chapters = chapter::Entity::find()
            .select_only()
            .column(chapter::Column::BookId)
            .filter(chapter::Column::Number.eq(3))
            .into_query();
        let with_third = book::Entity::find().filter(book::Column::Id.in_subquery(with_chapters));
        assert_eq!(with_third.count(&tx).await.unwrap(), 0);
        // One that is built by hand is not.
        let bare = Query::select()
            .column(chapter::Column::BookId)
            .from(chapter::Entity)
            .and_where(chapter::Column::Number.eq(3))
            .take();
        let with_third = book::Entity::find().filter(book::Column::Id.in_subquery(bare));
        assert_eq!(with_third.count(&tx).await.unwrap(), 2);
        let exists = author::Entity::find().filter(Expr::exists(
            book::Entity::find()
                .filter(
                    Expr::col((book::Entity, book::Column::AuthorId))
                        .equals((author::Entity, author::Column::Id)),
                )
                .filter(book::Column::Genre.eq(book::Genre::Poetry))
                .into_query(),
        ));
        let exists = exists.all(&tx).await.unwrap();
        assert_eq!((exists.len(), exists[0].name.as_str()), (1, "byron"));
    })
    .await;
}
