//! The site on axum.

use std::net::SocketAddr;

use ::axum::body::Body;
use ::axum::extract::{Path, State};
use ::axum::http::StatusCode;
use ::axum::response::Response;
use ::axum::routing::{get, post};
use ::axum::{Json, Router};
use dotmac_database::prelude::*;
use dotmac_database::web::axum::{live, ready};
use dotmac_database::web::{Exchange, RequestLayer};
use futures_util::StreamExt;
use tokio::net::TcpListener;

use super::handler;
use super::site::Kept;

pub fn serve(listener: TcpListener, layer: RequestLayer, db: &Database, kept: &Kept) {
    let health = Router::new()
        .route("/live", get(live))
        .route("/ready", get(ready))
        .with_state(db.clone());
    let app = Router::new()
        .route("/context", get(context))
        .route("/seen", get(seen))
        .route("/seen-any", get(seen_any).post(seen_any))
        .route("/write", get(write))
        .route("/do/{what}", post(work))
        .route("/idle", post(idle))
        .route("/both", post(both))
        .route("/shared", post(shared))
        .route("/undo", post(undo))
        .route("/keep", post(keep))
        .route("/keep-and-wait", post(keep_and_wait))
        .route("/streamed", post(streamed))
        .route("/late/{what}", post(late))
        .with_state(kept.clone())
        .merge(health)
        .layer(layer);
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { ::axum::serve(listener, app).await });
}

async fn context(context: RequestContext) -> Json<RequestContext> {
    Json(context)
}

async fn seen(session: ReadSession) -> Result<String, Problem> {
    handler::seen(&session).await
}

async fn seen_any(session: Session) -> Result<String, Problem> {
    handler::seen(&session).await
}

async fn write(session: Session) -> Result<(), Problem> {
    let done = session.execute_unprepared("UPDATE orders SET total_cents = 77");
    done.await?;
    Ok(())
}

async fn work(session: WriteSession, Path(what): Path<String>) -> Result<StatusCode, Problem> {
    let status = handler::work(&what, &session).await?;
    Ok(StatusCode::from_u16(status).unwrap())
}

async fn idle(_: WriteSession, _: RequestContext) {}

async fn both(_: ReadSession, _: WriteSession) {}

async fn shared(first: WriteSession, second: Session) -> Result<String, Problem> {
    handler::work("nothing", &first).await?;
    handler::total(&second).await
}

async fn undo(session: WriteSession) -> Result<(), Problem> {
    handler::work("nothing", &session).await?;
    Ok(session.rollback().await?)
}

async fn keep(State(kept): State<Kept>, exchange: Exchange) -> Result<(), Problem> {
    handler::keep(&kept, &exchange).await
}

async fn keep_and_wait(State(kept): State<Kept>, exchange: Exchange) -> Result<(), Problem> {
    handler::keep_and_wait(&kept, &exchange).await
}

async fn streamed(session: WriteSession) -> Response {
    let rows = handler::streamed(session).await;
    Response::new(Body::from_stream(rows.map(|row| row.map_err(Error::from))))
}

async fn late(exchange: Exchange, Path(what): Path<String>) -> Result<Response, Problem> {
    let told = handler::late(&what, exchange).await?;
    let told = Body::from_stream(told.map(|row| row.map_err(Error::from)));
    Ok(Response::new(told))
}
