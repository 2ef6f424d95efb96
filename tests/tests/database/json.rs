//! I22, I65: JSON of a client sets what it may, by this library's way and by SeaORM's own.

use dotmac_database::JsonInput;
use dotmac_database::prelude::*;
use sea_orm::TryIntoModel;
use serde_json::json;

use crate::compat::entity::{book, bulletin, copy};
use crate::compat::on_both;
use crate::support::kind;

/// What a client may send.
fn news() -> Json {
    json!({
        "headline": "news",
        "body": null,
        "big": 9_007_199_254_740_993_i64,
        "ratio": 0.1,
        "day": "2024-02-29",
        "at": "2024-02-29T23:59:59.123456Z",
        "there": "2024-02-29T23:59:59.000001+05:30",
        "picture": "AP/+",
        "extra": {"a": [1, null, "b"]},
    })
}

/// What a hostile one would add, all that serde's derives take.
fn forged() -> Json {
    let mut json = news();
    json["picture"] = json!([0]);
    for (key, value) in [
        ("id", json!(Uuid::from_u128(1))),
        ("tenant_id", json!("acme")),
        ("created_at", json!("2000-01-01T00:00:00Z")),
        ("updated_at", json!("2000-01-01T00:00:00Z")),
        ("deleted_at", json!("2000-01-01T00:00:00Z")),
        ("deleted_by", json!("mallory")),
        ("deletion_id", json!(Uuid::from_u128(2))),
        ("is_active", json!(false)),
        ("created_by", json!("mallory")),
        ("updated_by", json!("mallory")),
        ("request_id", json!("forged")),
        ("version", json!(99)),
    ] {
        json[key] = value;
    }
    json
}

/// The same, for a row that the client has read.
fn forged_of(row: &bulletin::Model) -> Json {
    let mut json = forged();
    json["id"] = json!(row.id);
    json["version"] = json!(row.version);
    json
}

#[track_caller]
fn expect_stamped(row: &bulletin::Model) {
    assert_eq!(row.tenant_id, "acme");
    assert_eq!(row.created_by.as_deref(), Some("acme-user"));
    assert_eq!(row.updated_by.as_deref(), Some("acme-user"));
    assert_eq!(row.request_id.as_deref(), Some("acme-request"));
    assert_eq!((row.deleted_at, row.deletion_id), (None, None));
    assert_eq!((row.deleted_by.as_deref(), row.is_active), (None, true));
}

#[tokio::test]
async fn row_that_came_as_json_goes_out_as_the_same() {
    on_both(async |library| {
        let tx = library.begin();
        let new = bulletin::Model::new_from_json(news()).unwrap();
        let row = new.insert(&tx).await.unwrap();
        expect_stamped(&row);
        assert_eq!(row.picture, [0, 255, 254]);
        let stored = bulletin::Entity::find().one(&tx).await.unwrap().unwrap();
        let mut json = stored
            .to_json(bulletin::Model::protected_columns())
            .unwrap();
        // PostgreSQL keeps the instant and not the offset.
        assert_eq!(stored, row);
        json["there"] = news()["there"].clone();
        assert_eq!(json, news());
        // All of it reads back as no change, from a text too, and so nothing is written.
        let text = stored.to_json([]).unwrap().to_string();
        let same = stored
            .clone()
            .update_from_json(serde_json::from_str(&text).unwrap());
        let same = same.unwrap();
        assert!(!same.is_changed());
        assert_eq!(same.update(&tx).await.unwrap(), stored);
    })
    .await;
}

#[tokio::test]
async fn update_from_json_changes_the_row_and_its_stamps() {
    on_both(async |library| {
        let tx = library.begin();
        let row = bulletin::Model::new_from_json(news()).unwrap();
        let row = row.insert(&tx).await.unwrap();
        let change = json!({"body": "text", "big": i64::MIN, "id": row.id, "tenant_id": "acme"});
        let changed = row.clone().update_from_json(change).unwrap();
        let changed = changed.update(&tx).await.unwrap();
        assert_eq!(changed.body.as_deref(), Some("text"));
        assert_eq!(changed.big, i64::MIN);
        assert_eq!(changed.title, "news");
        expect_stamped(&changed);
        // A row that was not read: only its key is known, so that nothing protected can be named.
        let known = || bulletin::ActiveModel {
            id: Unchanged(row.id),
            version: Unchanged(changed.version),
            ..Default::default()
        };
        let input = JsonInput::<bulletin::Entity>::new();
        let changed = input.update(known(), json!({"headline": "later"})).unwrap();
        assert_eq!(changed.update(&tx).await.unwrap().title, "later");
        let named = input.update(known(), json!({"tenant_id": "acme"}));
        assert_eq!(kind(named), ErrorKind::InvalidInput);
    })
    .await;
}

#[tokio::test]
async fn i65_json_that_names_a_protected_column_is_refused() {
    on_both(async |library| {
        let tx = library.begin();
        let row = bulletin::Model::new_from_json(news()).unwrap();
        let row = row.insert(&tx).await.unwrap();
        for column in bulletin::Model::protected_columns() {
            let key = column.json_key();
            let json = json!({ key: forged()[key] });
            let forging = bulletin::Model::new_from_json(json.clone());
            assert_eq!(kind(forging), ErrorKind::InvalidInput, "{key}");
            let changing = row.clone().update_from_json(json);
            match key {
                "tenant_id" => assert!(!changing.unwrap().is_changed(), "it is its own"),
                "version" => assert_eq!(kind(changing), ErrorKind::StaleVersion),
                _ => assert_eq!(kind(changing), ErrorKind::InvalidInput, "{key}"),
            }
        }
    })
    .await;
}

#[tokio::test]
async fn key_of_ones_own_comes_with_the_insert_and_never_changes() {
    on_both(async |library| {
        let tx = library.begin();
        let book = book::Entity::find().one(&tx).await.unwrap().unwrap();
        let json = json!({"shelf": "north", "place": 1, "book_id": book.id, "lent": 0});
        let new = copy::Model::new_from_json(json.clone()).unwrap();
        let row = new.insert(&tx).await.unwrap();
        assert!(!row.clone().update_from_json(json).unwrap().is_changed());
        let moved = row.update_from_json(json!({"shelf": "south"}));
        assert_eq!(kind(moved), ErrorKind::InvalidInput);
    })
    .await;
}

#[tokio::test]
async fn i65_serde_derives_open_no_way_in() {
    on_both(async |library| {
        let tx = library.begin();
        let forged_row = bulletin::ActiveModel::from_json(forged()).unwrap();
        let row = forged_row.insert(&tx).await.unwrap();
        expect_stamped(&row);

        assert_eq!(row.version, 1);

        let mut stale = row.clone().into_active_model();
        stale.set_from_json(forged()).unwrap();
        assert_eq!(kind(stale.update(&tx).await), ErrorKind::StaleVersion);

        let mut changed = row.clone().into_active_model();
        changed.set_from_json(forged_of(&row)).unwrap();
        let changed = changed.update(&tx).await.unwrap();
        expect_stamped(&changed);
        assert_eq!((changed.id, changed.created_at), (row.id, row.created_at));

        for _ in 0..2 {
            let read = bulletin::Entity::find_by_id(row.id).one(&tx).await;
            let json = forged_of(&read.unwrap().unwrap());
            let model: bulletin::Model = serde_json::from_value(json).unwrap();
            let saved = model.into_active_model().reset_all().save(&tx).await;
            let saved = saved.unwrap().try_into_model().unwrap();
            expect_stamped(&saved);
            assert_eq!(saved.created_at, row.created_at);
        }
    })
    .await;
}

#[tokio::test]
async fn i22_serde_derives_cannot_move_a_row_to_another_tenant() {
    on_both(async |library| {
        let tx = library.begin();
        let row = bulletin::Model::new_from_json(news()).unwrap();
        let row = row.insert(&tx).await.unwrap();
        let mut json = forged();
        json["tenant_id"] = json!("beta");
        let inserted = bulletin::ActiveModel::from_json(json.clone()).unwrap();
        assert_eq!(kind(inserted.insert(&tx).await), ErrorKind::ForeignTenant);
        let mut moved = row.clone().into_active_model();
        moved.set_from_json(json).unwrap();
        assert_eq!(kind(moved.update(&tx).await), ErrorKind::ForeignTenant);
        let stored = bulletin::Entity::find_by_id(row.id).one(&tx).await;
        assert_eq!(stored.unwrap(), Some(row));
    })
    .await;
}
