//! Whatever is refused is told as a problem.

use reqwest::{Method, header};
use tracing::subscriber::set_default;

use super::site::{Site, refused};
use crate::support::A;
use crate::web::{Framework, Spans};

#[tokio::test]
async fn requests_that_cannot_be_understood_are_problems() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        let order = site.order().await;
        for (method, path, kind, body, expected) in [
            (Method::POST, "/orders", "application/json", "{", &[400][..]),
            (
                Method::POST,
                "/orders",
                "application/json",
                "{}",
                &[400, 422],
            ),
            (
                Method::POST,
                "/orders",
                "application/json",
                r#"{"number":"x","total_cents":1,"tenant_id":"beta"}"#,
                &[400, 422],
            ),
            (Method::POST, "/orders", "text/plain", "{}", &[415]),
            (Method::PUT, &order, "application/json", "[]", &[400, 422]),
            (Method::PATCH, &order, "application/json", "nul", &[400]),
            (Method::GET, "/orders/7", "text/plain", "", &[400]),
            (Method::GET, "/orders?limit=many", "text/plain", "", &[400]),
            (Method::GET, "/orders?offset=7", "text/plain", "", &[400]),
        ] {
            let request = site.ask(method.clone(), path, A);
            let request = request
                .header(header::CONTENT_TYPE, kind)
                .header(header::IF_MATCH, "*");
            let answer = request.body(body.to_owned()).send().await.unwrap();
            let (status, code) = refused(answer).await;
            assert!(
                expected.contains(&status) && code == "invalid_request",
                "{framework:?} {method} {path} {body}: {status} {code}"
            );
        }
        assert_eq!(site.numbers("/orders").await.len(), 2, "{framework:?}");
    }
}

#[tokio::test]
async fn unknown_routes_methods_and_tenants_are_problems() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        for (method, path, tenant, expected) in [
            (Method::GET, "/nothing", A, (404, "no_route")),
            (Method::GET, "/orders/", A, (404, "no_route")),
            (Method::DELETE, "/orders", A, (405, "no_method")),
            (Method::GET, "/orders", "nobody", (404, "unknown_tenant")),
            (Method::GET, "/orders", "'", (404, "unknown_tenant")),
            (Method::GET, "/nothing", "nobody", (404, "unknown_tenant")),
        ] {
            let answer = site.ask(method, path, tenant).send().await.unwrap();
            let expected = (expected.0, expected.1.to_owned());
            assert_eq!(refused(answer).await, expected, "{framework:?} {path}");
        }
        let url = format!("{}/orders", site.url);
        let nameless = site.client.get(url).send().await.unwrap();
        let expected = (400, "missing_tenant".to_owned());
        assert_eq!(refused(nameless).await, expected, "{framework:?}");
    }
}

#[tokio::test]
async fn span_of_a_refused_request_names_its_route() {
    for (framework, route) in [
        (Framework::Axum, "/orders/{id}"),
        (Framework::Poem, "/orders/:id"),
    ] {
        let site = Site::open(framework).await;
        let spans = Spans::default();
        let guard = set_default(spans.clone());
        let answer = site.get("/orders/7").await;
        drop(guard);
        assert_eq!(answer.status(), 400, "{framework:?}");
        let spans = spans.named("dotmac.request.serve");
        assert_eq!(spans[0]["http.route"], route, "{framework:?}");
    }
}
