//! I75: what a client is told of an error, and what it is not.

use dotmac_database::prelude::*;
use serde_json::json;

use super::site::{Framework, Site, told};

#[tokio::test]
async fn i75_problems_tell_no_sql_no_values_and_no_other_tenant() {
    let secrets = [
        "4242",
        "SELECT",
        "INSERT",
        "orders",
        "beta",
        "nowhere",
        "row-level",
        "policy",
    ];
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        for (what, expected, code) in [
            ("duplicate", 409, "unique"),
            ("foreign", 403, "forbidden"),
            ("raw-foreign", 403, "forbidden"),
            ("absent", 404, "not_found"),
            ("stale", 409, "stale_version"),
            ("bad-sql", 500, "internal"),
        ] {
            let (status, mut body) = told(site.post(&format!("/do/{what}")).await).await;
            assert_eq!(
                (status, &body["code"]),
                (expected, &code.into()),
                "{framework:?} {what}"
            );
            // Random, and may hold anything.
            body["request_id"] = json!(null);
            let text = body.to_string();
            for secret in secrets {
                assert!(!text.contains(secret), "{framework:?} {what}: {text}");
            }
            assert_eq!(site.total().await, 10, "{framework:?} {what}");
        }
    }
}

#[tokio::test]
async fn i75_refusals_of_foreign_rows_are_told_alike() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        let mut bodies = Vec::new();
        for what in ["foreign", "raw-foreign"] {
            let (_, mut body) = told(site.post(&format!("/do/{what}")).await).await;
            body["request_id"] = json!(null);
            bodies.push(body);
        }
        assert_eq!(bodies[0], bodies[1], "{framework:?}");
    }
}

#[tokio::test]
async fn conflicts_tell_what_a_client_can_act_on() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        let (_, unique) = told(site.post("/do/duplicate").await).await;
        assert_eq!(unique["columns"], json!(["number"]), "{framework:?}");
        let (_, stale) = told(site.post("/do/stale").await).await;
        assert_eq!(stale["current_version"], 3, "{framework:?}");
    }
}

#[tokio::test]
async fn program_maps_errors_of_its_own() {
    fn map(error: &Error) -> Option<Problem> {
        let is_number = error.violation()?.concerns("number");
        let problem = Problem::new(dotmac_database::web::StatusCode::CONFLICT);
        is_number.then(|| {
            problem
                .code("number_taken")
                .kind_uri("https://example.com/number")
        })
    }
    for framework in Framework::BOTH {
        let site = Site::with(framework, |layer| layer.problems(map)).await;
        let (status, body) = told(site.post("/do/duplicate").await).await;
        assert_eq!(
            (status, &body["code"]),
            (409, &"number_taken".into()),
            "{framework:?}"
        );
        assert_eq!(body["type"], "https://example.com/number", "{framework:?}");
        let (_, other) = told(site.post("/do/absent").await).await;
        assert_eq!(other["code"], "not_found", "{framework:?}");
    }
}
