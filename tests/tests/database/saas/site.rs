//! The shop of either framework, served on a free port, and its client.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dotmac_database::cache::CacheClient;
use dotmac_database::lock::Locks;
use dotmac_database::prelude::*;
use dotmac_database::query::CursorKey;
use dotmac_examples::program::Ending;
use dotmac_examples::shop::{Operator, Shop as Application};
use dotmac_examples::{saas, saas_poem};
use reqwest::{Client, Method, RequestBuilder, Response, header};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, Statement};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::{A, Shop};
use crate::web::{Framework, told};

/// What the operator of a site sends.
pub const OPERATOR: &str = "the-operators-key-of-32-bytes-and-more";

pub struct Site {
    pub shop: Shop,
    pub locks: Locks,
    pub url: String,
    pub client: Client,
    pub served: JoinHandle<io::Result<()>>,
}

impl Site {
    pub async fn open(framework: Framework) -> Self {
        Self::until(framework, Box::pin(std::future::pending())).await
    }

    pub async fn until(framework: Framework, ending: Ending) -> Self {
        let shop = Shop::with_pool(4).await;
        let locks = Locks::in_process();
        let (url, served) = serve_with(framework, &shop.db, &locks, ending).await;
        Site {
            shop,
            locks,
            url,
            client: Client::new(),
            served,
        }
    }

    pub fn ask(&self, method: Method, path: &str, tenant: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url));
        request.header("x-tenant", tenant)
    }

    pub async fn get(&self, path: &str) -> Response {
        self.ask(Method::GET, path, A).send().await.unwrap()
    }

    pub async fn post(&self, path: &str, body: Value) -> Response {
        let request = self.ask(Method::POST, path, A).json(&body);
        request.send().await.unwrap()
    }

    /// Writes a new state of an order, on top of what the tag says.
    pub async fn put(&self, path: &str, tag: Option<&str>, body: Value) -> Response {
        conditional(self.ask(Method::PUT, path, A), tag)
            .json(&body)
            .send()
            .await
            .unwrap()
    }

    pub async fn patch(&self, path: &str, tag: Option<&str>, body: Value) -> Response {
        conditional(self.ask(Method::PATCH, path, A), tag)
            .json(&body)
            .send()
            .await
            .unwrap()
    }

    pub async fn delete(&self, path: &str, tag: Option<&str>) -> Response {
        let request = conditional(self.ask(Method::DELETE, path, A), tag);
        request.send().await.unwrap()
    }

    /// Places an order of acme: where it is.
    pub async fn order(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = format!("T-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let made = self.post("/orders", new(&number)).await;
        assert_eq!(made.status(), 201);
        made.headers()[header::LOCATION]
            .to_str()
            .unwrap()
            .to_owned()
    }

    /// The numbers of a list, in its order.
    pub async fn numbers(&self, path: &str) -> Vec<String> {
        let page: Value = self.get(path).await.json().await.unwrap();
        numbers(&page)
    }
}

/// Serves a migrated database: where, and until when.
pub async fn serve(
    framework: Framework,
    db: &Database,
    ending: Ending,
) -> (String, JoinHandle<io::Result<()>>) {
    serve_with(framework, db, &Locks::in_process(), ending).await
}

async fn serve_with(
    framework: Framework,
    db: &Database,
    locks: &Locks,
    ending: Ending,
) -> (String, JoinHandle<io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let application = Application::new(
        db.clone(),
        CursorKey::new([7; 32]).unwrap(),
        CacheClient::in_process(),
        locks.clone(),
        Operator::of(Some(OPERATOR.to_owned())).unwrap(),
    );
    let application = application.unwrap();
    let served = match framework {
        Framework::Axum => tokio::spawn(saas::serve(listener, application, ending)),
        Framework::Poem => tokio::spawn(saas_poem::serve(listener, application, ending)),
    };
    (url, served)
}

/// Keeps everybody from writing orders, until it is committed.
pub async fn lock_orders(admin: &DatabaseConnection) -> DatabaseTransaction {
    let lock = admin.begin().await.unwrap();
    let sql = "SELECT 1 FROM orders FOR UPDATE";
    lock.execute_unprepared(sql).await.unwrap();
    lock
}

/// Comes when so many statements wait for a lock.
pub async fn waiting(statements: i64, admin: &DatabaseConnection) {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
               AND wait_event_type = 'Lock'";
    let count = Statement::from_string(DbBackend::Postgres, sql);
    let wait = async {
        loop {
            let row = admin.query_one_raw(count.clone()).await.unwrap().unwrap();
            if row.try_get_by_index::<i64>(0).unwrap() == statements {
                return;
            }
        }
    };
    let waited = tokio::time::timeout(LONG, wait).await;
    waited.expect("the statements do not wait");
}

/// A limit that no test reaches where the code holds.
pub const LONG: Duration = Duration::from_secs(20);

fn conditional(request: RequestBuilder, tag: Option<&str>) -> RequestBuilder {
    match tag {
        Some(tag) => request.header(header::IF_MATCH, tag),
        None => request,
    }
}

pub fn new(number: &str) -> Value {
    json!({"number": number, "total_cents": 990})
}

pub fn numbers(page: &Value) -> Vec<String> {
    let orders = page["orders"].as_array().unwrap().iter();
    orders
        .map(|order| order["number"].as_str().unwrap().to_owned())
        .collect()
}

pub fn tag(response: &Response) -> String {
    response.headers()[header::ETAG]
        .to_str()
        .unwrap()
        .to_owned()
}

/// Status and code of a problem.
pub async fn refused(response: Response) -> (u16, String) {
    let (status, body) = told(response).await;
    (status, body["code"].as_str().unwrap().to_owned())
}
