//! Requests of tenants in several places, and of tenants that are not served.

use ::axum::Router;
use ::axum::routing::get;
use dotmac_database::prelude::*;
use dotmac_database::tenancy::{Placement, TenantState, Tenants};
use dotmac_database::web::{RequestLayer, Resolver};
use tokio::net::TcpListener;

use crate::schemas::kit::{OWN, PUBLIC, estate, numbers};
use crate::support::{A, B};

async fn orders(session: ReadSession) -> Result<String, Problem> {
    Ok(numbers(&session).await?.join(" "))
}

async fn directory(tenant: TenantId) -> Result<Option<TenantState>, Error> {
    match tenant.as_str() {
        A | B | "lost" | "stray" => Ok(Some(TenantState::Active)),
        state => Ok(state.parse().ok()),
    }
}

async fn placement(tenant: TenantId) -> Result<Option<Placement>, Error> {
    match tenant.as_str() {
        A => Ok(Some(Placement::Rows)),
        B => Ok(Some(Placement::Schema)),
        "stray" => Err(Error::Ended),
        _ => Ok(None),
    }
}

#[tokio::test]
async fn i71_request_works_where_its_tenant_is_placed_and_is_refused_where_that_is_nowhere() {
    let shop = estate(2).await;
    let layer = RequestLayer::new(Tenants::new(shop.db.clone(), placement), directory)
        .resolver(Resolver::header("x-tenant"));
    let app = Router::new().route("/", get(orders)).layer(layer);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { ::axum::serve(listener, app).await });
    let client = reqwest::Client::new();
    let send = async |tenant: &str| {
        let response = client
            .get(&url)
            .header("x-tenant", tenant)
            .send()
            .await
            .unwrap();
        let waits = response.headers().contains_key("retry-after");
        (
            response.status().as_u16(),
            waits,
            response.text().await.unwrap(),
        )
    };
    assert_eq!(send(A).await, (200, false, PUBLIC.to_owned()));
    assert_eq!(send(B).await, (200, false, OWN.to_owned()));
    let sessions = shop.db.statistics().acquire.count;
    for (tenant, status, code) in [
        ("lost", 404, "unknown_tenant"),
        ("stray", 503, "unavailable"),
        ("suspended", 403, "tenant_suspended"),
        ("archived", 403, "tenant_archived"),
        ("creating", 503, "tenant_creating"),
        ("failed", 503, "tenant_unavailable"),
    ] {
        let (told, waits, body) = send(tenant).await;
        assert_eq!((told, waits), (status, status == 503), "{tenant}");
        assert!(body.contains(&format!("\"code\":\"{code}\"")), "{body}");
    }
    assert_eq!(shop.db.statistics().acquire.count, sessions);
}
