//! What a client may not send is refused, and never a panic.

use proptest::prelude::*;
use sea_orm::{ActiveModelTrait, ActiveValue, ColumnTrait, Iterable};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::sample::{Column, Entity, Model, start};
use crate::entity::json::{JsonInput, JsonModel};
use crate::error::{Error, ErrorKind};

#[track_caller]
fn refused(json: Json) -> Error {
    start().update_from_json(json).unwrap_err()
}

#[test]
fn protected_columns_cannot_be_changed() {
    for (key, value) in [
        ("id", json!(Uuid::from_u128(8))),
        ("tenant_id", json!("beta")),
        ("created_at", json!("2000-01-01T00:00:00Z")),
        ("updated_at", json!("2000-01-01T00:00:00Z")),
        ("deleted_at", json!("2000-01-01T00:00:00Z")),
        ("deleted_by", json!("mallory")),
        ("deletion_id", json!(Uuid::from_u128(8))),
        ("is_active", json!(false)),
        ("created_by", Json::Null),
        ("updated_by", json!("mallory")),
        ("request_id", json!("forged")),
        ("version", json!("4")),
        ("id", json!({"$ne": 1})),
    ] {
        let error = refused(json!({ key: value, "text": "new" }));
        assert_eq!(
            error.to_string(),
            format!("`{key}` of `samples` cannot be set by JSON")
        );
        assert!(matches!(error, Error::ProtectedKey { .. }));
    }
    // The same value in another spelling is no change.
    let same = json!({"created_at": "1970-01-01T02:00:00+02:00", "created_by": "ada"});
    assert!(!start().update_from_json(same).unwrap().is_changed());
}

#[test]
fn new_row_takes_nothing_that_is_made_for_it() {
    let new = Model::new_from_json(json!({"text": "new"})).unwrap();
    assert_eq!(new.text, ActiveValue::Set("new".into()));
    assert_eq!(new.id, ActiveValue::NotSet);
    for key in [
        "id",
        "tenant_id",
        "created_by",
        "deleted_at",
        "created_at",
        "is_active",
        "version",
    ] {
        let error = Model::new_from_json(json!({ key: Json::Null })).unwrap_err();
        assert!(
            matches!(error, Error::ProtectedKey { .. }),
            "{key}: {error}"
        );
    }
}

#[test]
fn client_that_read_an_older_version_is_told_so() {
    let json = json!({"updated_at": "2000-01-01T00:00:00Z", "version": 2, "text": "late"});
    let error = refused(json);
    assert!(matches!(
        error,
        Error::StaleVersion {
            read: 2,
            current: 3,
            ..
        }
    ));
    let json = json!({"version": 3, "text": "in time"});
    assert!(start().update_from_json(json).is_ok());
}

#[test]
fn unknown_keys_are_listed_or_ignored() {
    let json = || json!({"text": "new", "txet": 1, "Text": 2});
    assert_eq!(
        refused(json()).to_string(),
        r#"the JSON for `samples` has unknown keys: ["Text", "txet"]"#,
    );
    let input = JsonInput::<Entity>::new().ignore_unknown();
    let changed = input.update(start(), json()).unwrap();
    assert_eq!(changed.text, ActiveValue::Set("new".into()));
}

#[test]
fn more_columns_can_be_protected() {
    let input = JsonInput::<Entity>::new().protect([Column::Price]);
    let error = input.update(start(), json!({"price": "1.00"})).unwrap_err();
    assert!(matches!(error, Error::ProtectedKey { key: "price", .. }));
    let error = input.insert(json!({"price": "1.00"})).unwrap_err();
    assert!(matches!(error, Error::ProtectedKey { key: "price", .. }));
    input.update(start(), json!({"price": "0"})).unwrap();
}

#[test]
fn what_a_column_does_not_take_is_refused_without_its_value() {
    for (key, value, expected) in [
        ("yes", json!("secret"), "true or false"),
        ("small", json!(40_000), "a whole number of 16 bits"),
        ("big", json!(1.5), "a whole number of 64 bits"),
        ("single", json!(1e300), "a number"),
        (
            "text",
            json!("secret\0"),
            "a text that the column takes, without NUL",
        ),
        (
            "text",
            Json::Null,
            "a text that the column takes, without NUL",
        ),
        (
            "texts",
            json!(["a", 1]),
            "an array, each item a text that the column takes, without NUL",
        ),
        (
            "texts",
            json!("secret"),
            "an array, each item a text that the column takes, without NUL",
        ),
        ("reference", json!("secret"), "a UUID"),
        ("day", json!("2000-02-30"), "a date (2000-12-31)"),
        (
            "instant",
            json!("2000-01-01T00:00:00"),
            "a time with offset (RFC 3339)",
        ),
        ("price", json!("secret"), "a decimal number"),
        (
            "document",
            json!({"a": ["\0"]}),
            "JSON that the column takes, without NUL",
        ),
        ("bytes", json!("?"), "bytes in base64"),
        ("mood", json!("secret"), "a value of the enumeration"),
        (
            "moods",
            json!(["good", "secret"]),
            "an array, each item a value of the enumeration",
        ),
        (
            "levels",
            json!([1, 2]),
            "an array, each item a whole number of 32 bits",
        ),
        ("color", json!("secret"), "a value of the enumeration"),
        (
            "colors",
            json!(["secret"]),
            "an array, each item a value of the enumeration",
        ),
        ("level", json!(2), "a whole number of 32 bits"),
    ] {
        let message = refused(json!({ key: value })).to_string();
        assert_eq!(
            message,
            format!("`{key}` in the JSON for `samples` must be {expected}")
        );
    }
    assert_eq!(
        refused(json!(["secret"])).to_string(),
        "`$` in the JSON for `samples` must be an object",
    );
}

proptest! {
    #[test]
    fn any_json_is_taken_or_refused_and_never_panics(
        at in 0_usize..40,
        text in ".*",
        number in any::<f64>(),
    ) {
        let Some(column) = Column::iter().nth(at) else { return Ok(()) };
        for value in [json!(text), json!(number), json!([text]), json!([[Json::Null]]), json!({ text: number })] {
            let refused = start().update_from_json(json!({ column.json_key(): value }));
            if let Err(error) = refused {
                prop_assert_eq!(error.kind(), ErrorKind::InvalidInput);
            }
        }
    }
}
