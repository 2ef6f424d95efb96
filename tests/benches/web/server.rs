//! The routes: by hand, and with sessions.

use std::net::SocketAddr;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use dotmac_database::prelude::*;
use dotmac_database::web::{CachedDirectory, RequestLayer, Resolver, TenantState};
use dotmac_examples::shop::body::Order;
use migration::entity::order;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ConnectionTrait, DatabaseConnection, UpdateMany};
use tokio::net::TcpListener;

use crate::Outcome;
use crate::bed::TENANT;

const HEADER: &str = "x-tenant";

pub async fn start(db: Database) -> Outcome<SocketAddr> {
    let layer = RequestLayer::new(db.clone(), CachedDirectory::new(tenants))
        .resolver(Resolver::header(HEADER));
    let ours = Router::new()
        .route("/ours/read/{id}", get(read))
        .route("/ours/write/{id}", get(read_to_write).post(write))
        .layer(layer);
    let app = Router::new()
        .route("/hand/autocommit/{id}", get(hand_autocommit))
        .route("/hand/transaction/{id}", get(hand_read).post(hand_write))
        .with_state(db.plain())
        .merge(ours);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

async fn tenants(tenant: TenantId) -> Result<Option<TenantState>, Error> {
    Ok((tenant.as_str() == TENANT).then_some(TenantState::Active))
}

async fn read(tx: ReadSession, Path(id): Path<Uuid>) -> Result<Json<Order>, Problem> {
    answer(order::Entity::find_by_id(id).one(&tx).await?)
}

async fn read_to_write(tx: WriteSession, Path(id): Path<Uuid>) -> Result<Json<Order>, Problem> {
    answer(order::Entity::find_by_id(id).one(&tx).await?)
}

async fn write(tx: WriteSession, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    raise(id).exec(&tx).await?;
    Ok(StatusCode::OK)
}

fn answer(found: Option<order::Model>) -> Result<Json<Order>, Problem> {
    let found = found.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND))?;
    Ok(Json(found.into()))
}

async fn hand_autocommit(
    State(db): State<DatabaseConnection>,
    headers: HeaderMap,
    Path(id): Path<Uuid>,
) -> Result<Json<Order>, StatusCode> {
    hand_answer(hand_find(&headers, id, &db).await?)
}

async fn hand_read(
    State(db): State<DatabaseConnection>,
    headers: HeaderMap,
    Path(id): Path<Uuid>,
) -> Result<Json<Order>, StatusCode> {
    let tx = db.begin().await.map_err(failed)?;
    let found = hand_find(&headers, id, &tx).await?;
    tx.commit().await.map_err(failed)?;
    hand_answer(found)
}

async fn hand_write(
    State(db): State<DatabaseConnection>,
    headers: HeaderMap,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, StatusCode> {
    let tx = db.begin().await.map_err(failed)?;
    let own = raise(id).filter(order::Column::TenantId.eq(tenant(&headers)?));
    own.exec(&tx).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    Ok(StatusCode::OK)
}

async fn hand_find(
    headers: &HeaderMap,
    id: Uuid,
    db: &impl ConnectionTrait,
) -> Result<Option<order::Model>, StatusCode> {
    let found = order::Entity::find_by_id(id)
        .filter(order::Column::TenantId.eq(tenant(headers)?))
        .one(db);
    found.await.map_err(failed)
}

fn hand_answer(found: Option<order::Model>) -> Result<Json<Order>, StatusCode> {
    Ok(Json(found.ok_or(StatusCode::NOT_FOUND)?.into()))
}

fn tenant(headers: &HeaderMap) -> Result<&str, StatusCode> {
    let value = headers.get(HEADER).and_then(|value| value.to_str().ok());
    value.ok_or(StatusCode::BAD_REQUEST)
}

fn failed(_: DbErr) -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}

fn raise(id: Uuid) -> UpdateMany<order::Entity> {
    let raised = Expr::col(order::Column::TotalCents).add(1);
    order::Entity::update_many()
        .col_expr(order::Column::TotalCents, raised)
        .filter(order::Column::Id.eq(id))
}
