//! The OpenAPI document: what is served, and nothing else.

use std::collections::BTreeSet;

use reqwest::{Client, Method};
use serde_json::Value;

use super::site::{Site, refused};
use crate::support::A;
use crate::web::Framework;

const ROUTES: [(&str, &[Method]); 10] = [
    ("/orders", &[Method::GET, Method::POST]),
    ("/orders/trash", &[Method::GET]),
    (
        "/orders/{id}",
        &[Method::GET, Method::PUT, Method::PATCH, Method::DELETE],
    ),
    ("/orders/{id}/restore", &[Method::POST]),
    ("/locks", &[Method::GET]),
    ("/locks/{name}", &[Method::DELETE]),
    ("/health/live", &[Method::GET]),
    ("/health/ready", &[Method::GET]),
    ("/cache/stats", &[Method::GET]),
    ("/openapi.json", &[Method::GET]),
];

const METHODS: [Method; 5] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];

/// As a stranger: the document is not a tenant's.
async fn document(site: &Site) -> Value {
    let answer = Client::new().get(format!("{}/openapi.json", site.url));
    let answer = answer.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

#[tokio::test]
async fn document_lists_exactly_what_is_served() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        let document = document(&site).await;
        let listed = |path: &str| -> BTreeSet<String> {
            let operations = document["paths"][path].as_object().unwrap();
            operations.keys().map(|it| it.to_uppercase()).collect()
        };
        let paths: BTreeSet<&str> = document["paths"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(paths, ROUTES.map(|(path, _)| path).into_iter().collect());
        for (path, methods) in ROUTES {
            let expected = methods.iter().map(Method::to_string).collect();
            assert_eq!(listed(path), expected, "{framework:?} {path}");
            for method in METHODS {
                let served = methods.contains(&method);
                let path = path.replace("{id}", "00000000-0000-0000-0000-000000000000");
                let path = path.replace("{name}", "import");
                let answer = site.ask(method.clone(), &path, A).send().await.unwrap();
                let is_unknown = match answer.status().as_u16() {
                    // The order is not there, but the route is.
                    404 => refused(answer).await.1 == "no_route",
                    status => status == 405,
                };
                assert_eq!(!is_unknown, served, "{framework:?} {method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere() {
    fn references<'d>(value: &'d Value, found: &mut Vec<&'d str>) {
        match value {
            Value::Object(members) => {
                let reference = members.get("$ref").and_then(Value::as_str);
                found.extend(reference);
                members.values().for_each(|it| references(it, found));
            }
            Value::Array(items) => items.iter().for_each(|it| references(it, found)),
            _ => {}
        }
    }
    let site = Site::open(Framework::Axum).await;
    let document = document(&site).await;
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 20, "{found:?}");
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    let order = &document["components"]["schemas"]["Order"];
    assert!(order["properties"]["version"].is_object());
    assert_eq!(
        document["components"]["securitySchemes"]["tenant"]["name"],
        "x-tenant"
    );
}

#[tokio::test]
async fn both_frameworks_serve_one_document() {
    let axum = document(&Site::open(Framework::Axum).await).await;
    let poem = document(&Site::open(Framework::Poem).await).await;
    assert_eq!(axum, poem);
}
