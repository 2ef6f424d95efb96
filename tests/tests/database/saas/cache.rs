//! Orders are read from the cache, and what the caches do is told to those who operate the application.

use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::site::{Site, tag};
use crate::support::B;
use crate::web::Framework;

#[tokio::test]
async fn cache_stats_tell_how_tenants_are_found() {
    for framework in [Framework::Axum, Framework::Poem] {
        let site = Site::open(framework).await;
        for _ in 0..3 {
            assert_eq!(site.get("/orders").await.status(), 200);
        }
        // As a stranger: it is not a tenant's.
        let answer = Client::new().get(format!("{}/cache/stats", site.url));
        let answer: Value = answer.send().await.unwrap().json().await.unwrap();
        let tenants = &answer["caches"]["tenants"];
        assert_eq!(
            (&tenants["misses"], &tenants["near_hits"]),
            (&1.into(), &2.into()),
            "{answer}"
        );
        assert_eq!(answer["coherent"], true);
    }
}

/// How often orders were found in the cache, and how often they were not.
async fn orders(site: &Site) -> (u64, u64) {
    let answer = site.get("/cache/stats").await;
    let answer: Value = answer.json().await.unwrap();
    let orders = &answer["caches"]["orders"];
    let count = |name: &str| orders[name].as_u64().unwrap();
    (count("near_hits"), count("misses"))
}

#[tokio::test]
async fn order_is_read_from_the_cache_until_it_is_changed() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        let order = site.order().await;
        let total = async || {
            let read = site.get(&order).await;
            let tag = tag(&read);
            let read: Value = read.json().await.unwrap();
            (tag, read["total_cents"].as_i64())
        };
        for _ in 0..3 {
            assert_eq!(total().await, ("\"1\"".to_owned(), Some(990)));
        }
        assert_eq!(orders(&site).await, (2, 1), "{framework:?}");
        let strange = site.ask(Method::GET, &order, B).send().await.unwrap();
        assert_eq!(strange.status(), 404, "what is cached is acme's");
        let stale = site.patch(&order, Some("\"7\""), json!({"total_cents": 1}));
        assert_eq!(stale.await.status(), 412);
        assert_eq!(total().await, ("\"1\"".to_owned(), Some(990)));
        assert_eq!(orders(&site).await, (3, 2), "what failed ends nothing");
        let changed = site.patch(&order, Some("\"1\""), json!({"total_cents": 5}));
        assert_eq!(changed.await.status(), 200);
        assert_eq!(total().await, ("\"2\"".to_owned(), Some(5)));
        assert_eq!(site.delete(&order, None).await.status(), 204);
        assert_eq!(site.get(&order).await.status(), 404);
        let restored = site.post(&format!("{order}/restore"), json!({})).await;
        assert_eq!(restored.status(), 200);
        assert_eq!(total().await.1, Some(5), "{framework:?}");
    }
}
