//! Orders: made, listed by pages, changed on a condition, deleted, restored, and hidden from other tenants.

use futures_util::future::join3;
use reqwest::Method;
use serde_json::{Value, json};

use super::site::{Site, lock_orders, new, numbers, refused, tag, waiting};
use crate::support::{A, B};
use crate::web::{Framework, told};

#[tokio::test]
async fn order_is_made_and_read_with_its_tag() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        let made = site.post("/orders", new("A-100")).await;
        assert_eq!(
            (made.status().as_u16(), tag(&made)),
            (201, "\"1\"".to_owned())
        );
        let location = made.headers()["location"].to_str().unwrap().to_owned();
        let made: Value = made.json().await.unwrap();
        let read = site.get(&location).await;
        assert_eq!(
            (read.status().as_u16(), tag(&read)),
            (200, "\"1\"".to_owned())
        );
        let read: Value = read.json().await.unwrap();
        assert_eq!(read, made, "{framework:?}");
        assert_eq!(read["number"], "A-100");
        assert_eq!(
            read.get("tenant_id"),
            None,
            "the tenant is the client's own"
        );
        let again = site.post("/orders", new("A-100")).await;
        let (status, told) = told(again).await;
        assert_eq!((status, &told["columns"]), (409, &json!(["number"])));
    }
}

#[tokio::test]
async fn pages_neither_repeat_nor_miss_an_order_while_others_come_and_go() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        for n in 1..=9 {
            site.post("/orders", new(&format!("P-{n}"))).await;
        }
        let (mut seen, mut after) = (Vec::new(), String::new());
        let mut previous = Vec::new();
        loop {
            let page = site.get(&format!("/orders?limit=4{after}")).await;
            let page: Value = page.json().await.unwrap();
            seen.extend(numbers(&page));
            previous.push(page["previous"].clone());
            let Some(next) = page["next"].as_str() else {
                break;
            };
            after = format!("&after={next}");
            // Newer than all: before the page that comes, which must not shift.
            site.order().await;
        }
        let expected = [
            "P-9", "P-8", "P-7", "P-6", "P-5", "P-4", "P-3", "P-2", "P-1", "1",
        ];
        assert_eq!(seen, expected, "{framework:?}");
        assert_eq!(previous[0], Value::Null, "nothing precedes the first page");
        let back = previous[1].as_str().unwrap();
        let back = site
            .numbers(&format!("/orders?limit=4&before={back}"))
            .await;
        assert_eq!(back, ["P-9", "P-8", "P-7", "P-6"], "{framework:?}");
    }
}

#[tokio::test]
async fn cursor_is_good_for_its_own_tenant_and_list_only() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        site.order().await;
        let page: Value = site.get("/orders?limit=1").await.json().await.unwrap();
        let next = page["next"].as_str().unwrap();
        for (path, tenant) in [("/orders", B), ("/orders/trash", A)] {
            let path = format!("{path}?after={next}");
            let stolen = site.ask(Method::GET, &path, tenant).send().await.unwrap();
            let expected = (400, "invalid_cursor".to_owned());
            assert_eq!(refused(stolen).await, expected, "{framework:?} {path}");
        }
    }
}

#[tokio::test]
async fn change_needs_the_tag_that_was_seen() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        let order = site.order().await;
        let required = (428, "if_match_required".to_owned());
        let put = site.put(&order, None, new("B-1")).await;
        assert_eq!(refused(put).await, required, "{framework:?}");
        let patch = site.patch(&order, None, json!({"total_cents": 1})).await;
        assert_eq!(refused(patch).await, required, "{framework:?}");

        let put = site.put(&order, Some("\"1\""), new("B-1")).await;
        assert_eq!(
            (put.status().as_u16(), tag(&put)),
            (200, "\"2\"".to_owned())
        );
        let patch = site
            .patch(&order, Some("\"2\""), json!({"total_cents": 1}))
            .await;
        assert_eq!(
            (patch.status().as_u16(), tag(&patch)),
            (200, "\"3\"".to_owned())
        );

        for stale in [
            site.put(&order, Some("\"1\""), new("B-2")).await,
            site.patch(&order, Some("\"2\""), json!({"total_cents": 2}))
                .await,
            site.put(&order, Some("W/\"3\""), new("B-2")).await,
            site.delete(&order, Some("\"2\"")).await,
        ] {
            let (status, told) = told(stale).await;
            assert_eq!((status, &told["current_version"]), (412, &json!(3)));
            assert_eq!(told["code"], "if_match_failed", "{framework:?}");
        }
        let read: Value = site.get(&order).await.json().await.unwrap();
        assert_eq!(
            (&read["number"], &read["total_cents"], &read["version"]),
            (&json!("B-1"), &json!(1), &json!(3)),
            "{framework:?}"
        );
    }
}

#[tokio::test]
async fn of_two_changes_at_once_one_is_told_that_it_came_too_late() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        let order = site.order().await;
        let change = async |cents: i64| {
            let change = json!({"total_cents": cents});
            let answer = site.patch(&order, Some("\"1\""), change).await;
            (answer.status().as_u16(), cents)
        };
        let admin = site.shop.admin().await;
        let lock = lock_orders(&admin).await;
        // Both have read version 1 when the first of them writes.
        let both_have_read = async {
            waiting(2, &admin).await;
            lock.commit().await.unwrap();
        };
        let (one, other, ()) = join3(change(11), change(12), both_have_read).await;
        let mut both = [one, other];
        both.sort_unstable();
        let [(200, kept), (412, _)] = both else {
            panic!("{framework:?}: {both:?}");
        };
        let read: Value = site.get(&order).await.json().await.unwrap();
        assert_eq!(read["total_cents"], kept, "{framework:?}");
    }
}

#[tokio::test]
async fn change_sets_what_a_client_may_set_and_nothing_else() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        let order = site.order().await;
        for (change, key) in [
            (json!({"tenant_id": B}), "tenant_id"),
            (json!({"deleted_at": "2026-01-01T00:00:00Z"}), "deleted_at"),
            (json!({"created_by": "eve"}), "created_by"),
            (json!({"colour": "red"}), "colour"),
            (json!({"total_cents": "much"}), "total_cents"),
        ] {
            let refused = site.patch(&order, Some("*"), change).await;
            let (status, told) = told(refused).await;
            assert_eq!((status, &told["keys"]), (422, &json!([key])));
        }
        let read = site.get(&order).await;
        assert_eq!(tag(&read), "\"1\"", "{framework:?}");
    }
}

#[tokio::test]
async fn deleted_order_is_gone_until_it_is_restored() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        let order = site.order().await;
        let read: Value = site.get(&order).await.json().await.unwrap();
        let number = read["number"].as_str().unwrap();
        assert_eq!(site.delete(&order, None).await.status(), 204);
        let gone = (404, "not_found".to_owned());
        assert_eq!(refused(site.get(&order).await).await, gone);
        assert_eq!(refused(site.delete(&order, None).await).await, gone);
        assert_eq!(
            refused(site.put(&order, Some("*"), new("x")).await).await,
            gone
        );
        assert_eq!(site.numbers("/orders").await, ["1"], "{framework:?}");
        let trash: Value = site.get("/orders/trash").await.json().await.unwrap();
        assert_eq!(numbers(&trash), [number], "{framework:?}");
        assert!(trash["orders"][0]["deleted_at"].is_string());

        let restore = format!("{order}/restore");
        let restored = site.post(&restore, json!(null)).await;
        assert_eq!(restored.status(), 200, "{framework:?}");
        let current = tag(&restored);
        let read = site.get(&order).await;
        assert_eq!((read.status().as_u16(), tag(&read)), (200, current));
        assert_eq!(site.numbers("/orders/trash").await, [""; 0]);
        assert_eq!(refused(site.post(&restore, json!(null)).await).await, gone);
    }
}

#[tokio::test]
async fn order_whose_number_was_taken_meanwhile_stays_in_the_trash() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        let made = site.post("/orders", new("twice")).await;
        let order = made.headers()["location"].to_str().unwrap().to_owned();
        site.delete(&order, None).await;
        assert_eq!(site.post("/orders", new("twice")).await.status(), 201);
        let restored = site.post(&format!("{order}/restore"), json!(null)).await;
        let expected = (409, "unique".to_owned());
        assert_eq!(refused(restored).await, expected, "{framework:?}");
        assert_eq!(site.numbers("/orders/trash").await, ["twice"]);
    }
}

#[tokio::test]
async fn other_tenant_finds_no_order_to_read_change_delete_or_restore() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        let live = site.order().await;
        let deleted = site.order().await;
        site.delete(&deleted, None).await;
        let restore = format!("{deleted}/restore");
        for (method, path, body) in [
            (Method::GET, &live, None),
            (Method::PUT, &live, Some(new("stolen"))),
            (Method::PATCH, &live, Some(json!({"total_cents": 0}))),
            (Method::DELETE, &live, None),
            (Method::POST, &restore, None),
        ] {
            let request = site.ask(method.clone(), path, B).header("if-match", "*");
            let request = match body {
                Some(body) => request.json(&body),
                None => request,
            };
            let answer = request.send().await.unwrap();
            let expected = (404, "not_found".to_owned());
            assert_eq!(refused(answer).await, expected, "{framework:?} {method}");
        }
        for list in ["/orders", "/orders/trash"] {
            let page = site.ask(Method::GET, list, B).send().await.unwrap();
            let page: Value = page.json().await.unwrap();
            assert!(numbers(&page).iter().all(|number| number == "1"), "{page}");
        }
        let user = site.shop.order(&site.shop.b).await.user_id;
        let foreign = json!({"number": "F-1", "total_cents": 1, "user_id": user});
        let answer = site.post("/orders", foreign).await;
        let expected = (409, "foreign_key".to_owned());
        assert_eq!(refused(answer).await, expected, "{framework:?}");
    }
}
