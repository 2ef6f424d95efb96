//! Handlers read rows through the cache in the session of their request.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use dotmac_database::cache::{CacheClient, EntityCache};
use dotmac_database::prelude::*;
use dotmac_database::web::{RequestLayer, Resolver, TenantState};
use reqwest::{Client, Method};
use tokio::net::TcpListener;

use super::bed::{Process, insert_page, shop, title_all};
use super::table::page;
use crate::cache::server::until;
use crate::support::{A, B};

type Pages = EntityCache<page::Entity>;

async fn read(
    session: ReadSession,
    State(pages): State<Pages>,
    Path(id): Path<Uuid>,
) -> Result<String, Problem> {
    let page = page::Entity::cached_by_id(&session, &pages, id).await?;
    let missing = || DbErr::RecordNotFound("the page".to_owned());
    Ok(page.ok_or_else(missing)?.title.clone())
}

async fn change(
    session: WriteSession,
    State(pages): State<Pages>,
    Path(id): Path<Uuid>,
    title: String,
) -> Result<String, Problem> {
    title_all(&session, &title).await;
    let own = page::Entity::cached_by_id(&session, &pages, id).await?;
    match title.as_str() {
        "refused" => Err(DbErr::RecordNotFound("a reason".to_owned()).into()),
        _ => Ok(own.map(|page| page.title.clone()).unwrap_or_default()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn request_reads_what_is_cached_and_ends_it_with_its_commit_only() {
    let shop = shop().await;
    let process = Process::of(CacheClient::in_process(), &shop.db);
    let page = insert_page(&shop.db, &shop.a, "p").await;
    let all = |_: TenantId| async { Ok(Some(TenantState::Active)) };
    let layer = RequestLayer::new(shop.db.clone(), all).resolver(Resolver::header("x-tenant"));
    let app = Router::new()
        .route("/{id}", get(read).put(change))
        .with_state(process.pages.clone())
        .layer(layer);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/{}", listener.local_addr().unwrap(), page.id);
    tokio::spawn(async move { axum::serve(listener, app).await });
    let client = Client::new();
    let ask = async |method: Method, tenant: &str, body: &'static str| {
        let request = client.request(method, &url).header("x-tenant", tenant);
        let answer = request.body(body).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.text().await.unwrap())
    };
    let loads = || process.pages.statistics().loads;
    for _ in 0..2 {
        assert_eq!(ask(Method::GET, A, "").await, (200, "old".to_owned()));
        assert_eq!(ask(Method::GET, B, "").await.0, 404);
    }
    assert_eq!(loads(), 2, "one for each tenant");
    assert_eq!(ask(Method::PUT, A, "refused").await.0, 404);
    assert_eq!(ask(Method::GET, A, "").await, (200, "old".to_owned()));
    assert_eq!(loads(), 2, "what was rolled back ends nothing");
    let own = ask(Method::PUT, A, "new").await;
    assert_eq!(own, (200, "new".to_owned()), "it sees its own change");
    assert_eq!(ask(Method::GET, A, "").await, (200, "new".to_owned()));
    until(|| process.client.is_idle()).await;
    assert_eq!(loads(), 3);
}
