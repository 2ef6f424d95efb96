//! What is written reads back exactly, through text too.

use chrono::{DateTime, FixedOffset, Utc};
use proptest::prelude::*;
use sea_orm::prelude::Decimal;
use sea_orm::{ActiveModelTrait, ActiveValue, IntoActiveModel, Iterable, TryIntoModel};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::sample::{Color, Column, Email, Level, Model, Mood, start};
use crate::entity::json::JsonModel;

fn numbers(row: Model) -> impl Strategy<Value = Model> {
    let floats = (
        proptest::num::f32::NORMAL | proptest::num::f32::SUBNORMAL | proptest::num::f32::ZERO,
        proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO,
    );
    let whole = any::<(bool, i16, Option<i32>, i64, i64, Option<Vec<i32>>)>();
    (floats, whole, 0_u32..=28).prop_map(move |((single, double), whole, scale)| {
        let (yes, small, int, big, price, numbers) = whole;
        Model {
            yes,
            small,
            int,
            big,
            single,
            double,
            price: Decimal::new(price, scale),
            numbers,
            ..row.clone()
        }
    })
}

fn texts(row: Model) -> impl Strategy<Value = Model> {
    let text = || "[^\0]*";
    let mood = || prop_oneof![Just(Mood::Good), Just(Mood::Bad)];
    let enums = (
        proptest::option::of(mood()),
        proptest::collection::vec(mood(), 0..3),
        prop_oneof![Just(Level::Low), Just(Level::High)],
    );
    let texts = (
        text(),
        proptest::option::of(text()),
        proptest::collection::vec(text(), 0..3),
    );
    (enums, texts, any::<(Option<u128>, Vec<u8>)>()).prop_map(
        move |((mood, moods, level), (text, letter, texts), (reference, bytes))| Model {
            document: json!({ text.clone(): [letter, null_or(&texts), 1.5, u64::MAX] }),
            email: Email(text.clone()),
            text,
            letter,
            texts,
            mood,
            moods,
            color: mood.map(|_| Color::Red),
            colors: vec![Color::Blue, Color::Red],
            level,
            levels: vec![level],
            reference: reference.map(Uuid::from_u128),
            bytes,
            ..row.clone()
        },
    )
}

fn null_or(texts: &[String]) -> Json {
    texts.first().map_or(Json::Null, |text| json!(text))
}

fn times(row: Model) -> impl Strategy<Value = Model> {
    // All the years of PostgreSQL that chrono has too.
    let seconds = -210_000_000_000_i64..8_200_000_000_000;
    (seconds, 0_u32..1_000_000_000, -50_000_i32..50_000).prop_map(
        move |(seconds, nanos, offset)| {
            let instant = DateTime::<Utc>::from_timestamp(seconds, nanos).unwrap_or_default();
            // Offsets of RFC 3339 are whole minutes.
            let offset = FixedOffset::east_opt(offset / 60 * 60);
            Model {
                day: instant.date_naive(),
                clock: instant.time(),
                local: instant.naive_utc(),
                instant,
                with_offset: offset.map(|offset| instant.with_timezone(&offset)),
                ..row.clone()
            }
        },
    )
}

/// Writes the row, as text, and reads it into a row that has nothing of it yet.
fn through_text(row: &Model) -> Model {
    let written = row.to_json(Model::protected_columns()).unwrap().to_string();
    let json = serde_json::from_str(&written).unwrap();
    let read = start().update_from_json(json).unwrap();
    read.try_into_model().unwrap()
}

proptest! {
    #[test]
    fn numbers_read_back_exactly(row in numbers(start())) {
        prop_assert_eq!(through_text(&row), row);
    }

    #[test]
    fn texts_bytes_and_enums_read_back_exactly(row in texts(start())) {
        prop_assert_eq!(through_text(&row), row);
    }

    #[test]
    fn times_read_back_exactly(row in times(start())) {
        let read = through_text(&row);
        prop_assert_eq!(read.with_offset.map(|at| *at.offset()), row.with_offset.map(|at| *at.offset()));
        prop_assert_eq!(read, row);
    }
}

#[test]
fn whole_row_reads_back_as_no_change() {
    let row = start();
    let json = row.to_json([]).unwrap();
    assert_eq!(json["with_offset"], Json::Null, "{json}");
    let same = row.clone().update_from_json(json).unwrap();
    assert_eq!(same, row.into_active_model());
    assert!(!same.is_changed());
}

#[test]
fn only_named_columns_that_differ_are_set() {
    let json = json!({"text": "new", "yes": false, "int": 3, "letter": null});
    let changed = start().update_from_json(json).unwrap();
    assert_eq!(changed.text, ActiveValue::Set("new".into()));
    assert_eq!(changed.int, ActiveValue::Set(Some(3)));
    let set = Column::iter().filter(|it| changed.get(*it).is_set());
    assert_eq!(set.count(), 2);
}

#[test]
fn excluded_columns_are_left_out() {
    let json = start().to_json([Column::Text, Column::Bytes]).unwrap();
    let fields = json.as_object().unwrap();
    assert!(!fields.contains_key("text") && !fields.contains_key("bytes"));
    assert!(fields.contains_key("texts"));
}

#[test]
fn float_that_json_has_not_is_an_error_and_not_null() {
    for double in [f64::NAN, f64::INFINITY] {
        let error = Model { double, ..start() }.to_json([]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`double` of `samples` cannot be written as JSON: it is not a finite number",
        );
    }
}

#[test]
fn json_null_and_no_json_are_told_apart_where_null_is_no_value() {
    let row = Model {
        document: Json::Null,
        ..start()
    };
    assert_eq!(through_text(&row), row);
}
