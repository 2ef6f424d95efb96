//! I70, I71: who is let in, for which tenant, before any work of the database.

use dotmac_database::web::{ProxyHeader, Resolver};
use reqwest::StatusCode;
use serde_json::Value;

use super::site::{Framework, Site, told};
use crate::support::{A, B};

#[tokio::test]
async fn i70_tenant_that_differs_from_the_claim_is_refused_before_the_database() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        let before = site.sessions();
        let request = |token: &str| {
            site.client
                .get(format!("{}/seen", site.url))
                .bearer_auth(token)
        };
        for request in [
            request(A).header("x-tenant", B),
            request(A).header("x-tenant", A).header("x-tenant", B),
            request(A).header("x-tenant", "no tenant's id"),
            request("nobody").header("x-tenant", A),
        ] {
            let (status, body) = told(request.send().await.unwrap()).await;
            assert_eq!(
                (status, &body["code"]),
                (403, &"tenant_mismatch".into()),
                "{framework:?}"
            );
        }
        assert_eq!(site.sessions(), before, "{framework:?}");
        let same = request(A).header("x-tenant", A).send().await.unwrap();
        assert_eq!(same.text().await.unwrap(), "acme/acme", "{framework:?}");
        assert_eq!(site.sessions(), before + 1, "{framework:?}");
    }
}

#[tokio::test]
async fn i70_two_places_that_name_two_tenants_are_refused() {
    for framework in Framework::BOTH {
        let site = Site::with(framework, |layer| {
            layer.resolver(Resolver::custom(|incoming| {
                incoming.uri.query().map(str::to_owned)
            }))
        })
        .await;
        let (status, _) = told(site.get("/seen?beta").await).await;
        assert_eq!(status, 403, "{framework:?}");
        assert_eq!(site.get("/seen?acme").await.status(), 200, "{framework:?}");
    }
}

#[tokio::test]
async fn i71_unknown_and_suspended_tenants_are_refused_before_the_database() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        let before = site.sessions();
        for (token, expected) in [
            ("gamma", 404),
            ("ACME", 404),
            ("a:b", 404),
            ("asleep", 403),
            ("broken", 503),
            ("forged", 401),
            ("later", 503),
            ("nobody", 400),
        ] {
            let url = format!("{}/seen", site.url);
            let response = site
                .client
                .get(url)
                .bearer_auth(token)
                .send()
                .await
                .unwrap();
            let waits = response.headers().contains_key("retry-after");
            let (status, _) = told(response).await;
            assert_eq!(status, expected, "{framework:?} {token}");
            assert_eq!(waits, expected == 503, "{framework:?} {token}");
        }
        let bare = site
            .client
            .get(format!("{}/seen", site.url))
            .header("x-tenant", A);
        let bare = bare.send().await.unwrap();
        assert_eq!(bare.headers()["www-authenticate"], "Bearer");
        assert_eq!(told(bare).await.0, 401, "{framework:?}");
        assert_eq!(site.sessions(), before, "{framework:?}");
    }
}

#[tokio::test]
async fn request_without_tenant_is_answered_as_configured() {
    for framework in Framework::BOTH {
        let site = Site::with(framework, |layer| layer.missing_is_unauthorized()).await;
        let url = format!("{}/seen", site.url);
        let response = site
            .client
            .get(url)
            .bearer_auth("nobody")
            .send()
            .await
            .unwrap();
        assert_eq!(told(response).await.0, 401, "{framework:?}");
    }
}

#[tokio::test]
async fn context_holds_tenant_user_request_and_the_proxies_client() {
    for framework in Framework::BOTH {
        let site = Site::with(framework, |layer| {
            layer.trust_proxies(ProxyHeader::XForwardedFor, ["127.0.0.0/8".parse().unwrap()])
        })
        .await;
        let request = || {
            site.client
                .get(format!("{}/context", site.url))
                .bearer_auth(A)
        };
        let response = request()
            .header("x-request-id", "r-1")
            .header("x-forwarded-for", "6.6.6.6, 2.2.2.2")
            .send()
            .await
            .unwrap();
        assert_eq!(response.headers()["x-request-id"], "r-1", "{framework:?}");
        let context: Value = response.json().await.unwrap();
        assert_eq!(context["tenant"], "acme", "{framework:?}");
        assert_eq!(context["user"], "acme-user", "{framework:?}");
        assert_eq!(context["request_id"], "r-1", "{framework:?}");
        assert_eq!(context["client_ip"], "2.2.2.2", "{framework:?}");
        let long = "x".repeat(256);
        let response = request()
            .header("x-request-id", &long)
            .send()
            .await
            .unwrap();
        let made = response.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned();
        assert_eq!(made.len(), 36, "{framework:?}");
        let context: Value = response.json().await.unwrap();
        assert_eq!(context["request_id"], made.as_str(), "{framework:?}");
        assert_eq!(context["client_ip"], "127.0.0.1", "{framework:?}");
    }
}

#[tokio::test]
async fn health_checks_need_no_tenant() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        let get = |path: &str| site.client.get(format!("{}{path}", site.url)).send();
        assert_eq!(get("/live").await.unwrap().status(), StatusCode::OK);
        let ready = get("/ready").await.unwrap();
        assert_eq!(ready.status(), StatusCode::OK, "{framework:?}");
        let body: Value = ready.json().await.unwrap();
        assert_eq!(
            (&body["ready"], &body["protected"]),
            (&true.into(), &true.into())
        );
        let admin = site.shop.admin().await;
        let sql = "ALTER TABLE orders DISABLE ROW LEVEL SECURITY";
        sea_orm::ConnectionTrait::execute_unprepared(&admin, sql)
            .await
            .unwrap();
        let ready = get("/ready").await.unwrap();
        assert_eq!(
            ready.status(),
            StatusCode::SERVICE_UNAVAILABLE,
            "{framework:?}"
        );
    }
}
