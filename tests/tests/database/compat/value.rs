//! Types of columns: decimals, enums, structs as JSON, composite keys, arrays.

use dotmac_database::prelude::*;
use sea_orm::sea_query::{ArrayType, ExprTrait, PgFunc, Value};
use sea_orm::{DbBackend, IntoActiveModel};

use super::entity::{book, copy, survey};
use super::library::{Library, cents, on_both, titles};

#[tokio::test]
async fn decimals_enums_and_json_are_stored_and_compared() {
    on_both(async |library| {
        let tx = library.begin();
        let engines = book::Entity::find()
            .filter(book::Column::Price.gte(cents(700)))
            .one(&tx)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(engines.price, cents(707));
        assert_eq!(engines.edition.languages, ["en", "fr"]);
        let poetry = book::Entity::find().filter(book::Column::Genre.eq(book::Genre::Poetry));
        assert_eq!(titles(&poetry.all(&tx).await.unwrap()), ["Song"]);
        let either = book::Entity::find()
            .filter(book::Column::Genre.is_in([book::Genre::Poetry, book::Genre::Science]));
        assert_eq!(either.all(&tx).await.unwrap().len(), 3);
        let bound = book::Entity::find().filter(book::Column::Binding.eq(book::Binding::Cloth));
        assert_eq!(titles(&bound.all(&tx).await.unwrap()), ["Engines"]);
        let unbound = book::Entity::find().filter(book::Column::Binding.is_null());
        assert_eq!(unbound.all(&tx).await.unwrap().len(), 2);

        let mut changed = engines.into_active_model();
        changed.genre = Set(book::Genre::Poetry);
        changed.binding = Set(Some(book::Binding::Paper));
        changed.price = Set(cents(123_456));
        changed.edition = Set(book::Edition {
            year: -1,
            languages: Vec::new(),
        });
        let changed = changed.update(&tx).await.unwrap();
        let stored = book::Entity::find_by_id(changed.id).one(&tx).await;
        assert_eq!(stored.unwrap(), Some(changed));
    })
    .await;
}

#[tokio::test]
async fn composite_key_finds_updates_and_deletes_one_row() {
    on_both(async |library| {
        let tx = library.begin();
        let all = copy::Entity::find().all(&tx).await.unwrap();
        assert_eq!(all.len(), 3);
        let one = all.iter().find(|it| it.place == 2).unwrap();
        let key = || (one.shelf.clone(), one.place, one.book_id);
        let mut found = copy::Entity::find_by_id(key())
            .one(&tx)
            .await
            .unwrap()
            .unwrap()
            .into_active_model();
        found.lent = Set(6);
        assert_eq!(found.update(&tx).await.unwrap().lent, 6);
        let deleted = copy::Entity::delete_by_id(key()).exec(&tx).await.unwrap();
        assert_eq!(deleted.rows_affected, 1);
        let found = copy::Entity::find_by_id(key()).one(&tx).await.unwrap();
        assert_eq!(found, None);
        let gone = copy::Entity::only_deleted().all(&tx).await.unwrap();
        assert_eq!(gone.len(), 2);
        let back = gone.into_iter().find(|it| it.lent == 6).unwrap();
        assert!(!back.restore(&tx).await.unwrap().is_deleted());
        assert_eq!(copy::Entity::find().all(&tx).await.unwrap().len(), 3);
    })
    .await;
}

#[tokio::test]
async fn arrays_are_stored_and_asked_for() {
    let library = Library::open(DbBackend::Postgres).await;
    let tx = library.begin();
    let new = survey::ActiveModel {
        answers: Set(vec![1, -2, 3]),
        words: Set(Some(vec!["a\"b".into(), String::new()])),
        genres: Set(vec![book::Genre::Poetry, book::Genre::Science]),
        ..Default::default()
    };
    let row = new.insert(&tx).await.unwrap();
    let any = PgFunc::any(Expr::col(survey::Column::Answers));
    let found = survey::Entity::find().filter(Expr::val(3).eq(any));
    assert_eq!(found.one(&tx).await.unwrap().as_ref(), Some(&row));
    let none = Value::Array(ArrayType::Int, Some(Box::default()));
    let none = survey::Entity::find().filter(survey::Column::Answers.eq(none));
    assert!(none.all(&tx).await.unwrap().is_empty());
    // As JSON, and back.
    let json = row.to_json([]).unwrap();
    assert_eq!(json["genres"], serde_json::json!(["poetry", "science"]));
    let change = serde_json::json!({"words": null, "answers": [], "genres": ["poetry"]});
    let changed = row.update_from_json(change).unwrap();
    let changed = changed.update(&tx).await.unwrap();
    assert_eq!((changed.words, changed.answers.len()), (None, 0));
    assert_eq!(changed.genres, [book::Genre::Poetry]);
}
