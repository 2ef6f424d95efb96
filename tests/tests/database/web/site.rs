//! A site of either framework, served on a free port, and its client.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dotmac_database::prelude::*;
use dotmac_database::web::{Claims, Rejected, RequestLayer, Resolver, TenantState};
use reqwest::{Client, Method, Response};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::support::{A, B, Shop};

#[derive(Debug, Clone, Copy)]
pub enum Framework {
    Axum,
    Poem,
}

impl Framework {
    pub const BOTH: [Framework; 2] = [Framework::Axum, Framework::Poem];
}

/// What handlers leave for the test.
#[derive(Clone, Default)]
pub struct Kept(pub Arc<Mutex<Option<Session>>>);

pub struct Site {
    pub shop: Shop,
    pub kept: Kept,
    pub url: String,
    pub client: Client,
}

impl Site {
    /// Names tenants by header and by token.
    pub async fn open(framework: Framework) -> Self {
        Self::with(framework, |layer| layer).await
    }

    pub async fn with(
        framework: Framework,
        change: impl FnOnce(RequestLayer) -> RequestLayer,
    ) -> Self {
        let shop = Shop::with_pool(2).await;
        let layer = RequestLayer::new(shop.db.clone(), directory)
            .resolver(Resolver::header("x-tenant"))
            .verifier(verify)
            .open("/live")
            .open("/ready");
        let layer = change(layer);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let kept = Kept::default();
        match framework {
            Framework::Axum => super::axum::serve(listener, layer, &shop.db, &kept),
            Framework::Poem => super::poem::serve(listener, layer, &shop.db, &kept),
        }
        Site {
            shop,
            kept,
            url,
            client: Client::new(),
        }
    }

    /// A request as a user of the tenant.
    pub async fn send(&self, method: Method, path: &str, tenant: &str) -> Response {
        let request = self.client.request(method, format!("{}{path}", self.url));
        request.bearer_auth(tenant).send().await.unwrap()
    }

    pub async fn post(&self, path: &str) -> Response {
        self.send(Method::POST, path, A).await
    }

    pub async fn get(&self, path: &str) -> Response {
        self.send(Method::GET, path, A).await
    }

    pub async fn total(&self) -> i64 {
        self.shop.order(&self.shop.a).await.total_cents
    }

    /// How many sessions took a connection so far.
    pub fn sessions(&self) -> u64 {
        self.shop.db.statistics().acquire.count
    }

    /// Waits until no connection of the application is in a transaction.
    pub async fn rests(&self) {
        let admin = self.shop.admin().await;
        let sql = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() \
                   AND pid <> pg_backend_pid() AND xact_start IS NOT NULL AND usename = 'shop_app'";
        let busy = Statement::from_string(DbBackend::Postgres, sql);
        let rest = async { while admin.query_one_raw(busy.clone()).await.unwrap().is_some() {} };
        let rested = tokio::time::timeout(LONG, rest).await;
        rested.expect("a connection stays in a transaction");
    }
}

/// Status and body of a problem, which is sent as one.
pub async fn told(response: Response) -> (u16, Value) {
    let kind = response.headers()["content-type"].to_str().unwrap();
    assert_eq!(kind, "application/problem+json");
    let id = response.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["status"], status);
    assert_eq!(body["request_id"], id);
    assert!(
        body["title"].is_string() && body["type"].is_string(),
        "{body}"
    );
    (status, body)
}

async fn directory(tenant: TenantId) -> Result<Option<TenantState>, Error> {
    match tenant.as_str() {
        A | B => Ok(Some(TenantState::Active)),
        "asleep" => Ok(Some(TenantState::Suspended)),
        "broken" => Err(Error::Ended),
        _ => Ok(None),
    }
}

/// The token is the tenant's id.
fn verify(token: &str) -> Result<Claims, Rejected> {
    match token {
        "forged" => Err(Rejected::Invalid),
        "later" => Err(Rejected::Unavailable),
        "nobody" => Ok(Claims::default()),
        tenant => Ok(Claims::tenant(tenant).user(format!("{tenant}-user"))),
    }
}

/// A limit that no test reaches where the code holds.
pub const LONG: Duration = Duration::from_secs(20);
