//! What the caches do is told to those who operate the application.

use reqwest::Client;
use serde_json::Value;

use super::site::Site;
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
