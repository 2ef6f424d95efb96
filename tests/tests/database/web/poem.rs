//! The site on poem.

use ::poem::http::StatusCode;
use ::poem::listener::TcpAcceptor;
use ::poem::web::{Data, Json, Path};
use ::poem::{Body, EndpointExt, Route, Server, get, handler as endpoint, post};
use dotmac_database::prelude::*;
use dotmac_database::web::poem::{Live, Ready};
use dotmac_database::web::{Exchange, RequestLayer};
use futures_util::StreamExt;
use tokio::net::TcpListener;

use super::handler;
use super::site::Kept;

pub fn serve(listener: TcpListener, layer: RequestLayer, db: &Database, kept: &Kept) {
    let app = Route::new()
        .at("/context", get(context))
        .at("/seen", get(seen))
        .at("/seen-any", get(seen_any).post(seen_any))
        .at("/write", get(write))
        .at("/do/:what", post(work))
        .at("/idle", post(idle))
        .at("/both", post(both))
        .at("/shared", post(shared))
        .at("/undo", post(undo))
        .at("/keep", post(keep))
        .at("/keep-and-wait", post(keep_and_wait))
        .at("/streamed", post(streamed))
        .at("/late/:what", post(late))
        .at("/live", get(Live))
        .at("/ready", get(Ready(db.clone())))
        .data(kept.clone())
        .with(layer);
    let acceptor = TcpAcceptor::from_tokio(listener).unwrap();
    tokio::spawn(Server::new_with_acceptor(acceptor).run(app));
}

#[endpoint]
async fn context(Data(context): Data<&RequestContext>) -> Json<RequestContext> {
    Json(context.clone())
}

#[endpoint]
async fn seen(session: ReadSession) -> Result<String, Problem> {
    handler::seen(&session).await
}

#[endpoint]
async fn seen_any(session: Session) -> Result<String, Problem> {
    handler::seen(&session).await
}

#[endpoint]
async fn write(session: Session) -> Result<(), Problem> {
    let done = session.execute_unprepared("UPDATE orders SET total_cents = 77");
    done.await?;
    Ok(())
}

#[endpoint]
async fn work(session: WriteSession, Path(what): Path<String>) -> Result<StatusCode, Problem> {
    let status = handler::work(&what, &session).await?;
    Ok(StatusCode::from_u16(status).unwrap())
}

#[endpoint]
async fn idle(_: WriteSession, _: RequestContext) {}

#[endpoint]
async fn both(_: ReadSession, _: WriteSession) {}

#[endpoint]
async fn shared(first: WriteSession, second: Session) -> Result<String, Problem> {
    handler::work("nothing", &first).await?;
    handler::total(&second).await
}

#[endpoint]
async fn undo(session: WriteSession) -> Result<(), Problem> {
    handler::work("nothing", &session).await?;
    Ok(session.rollback().await?)
}

#[endpoint]
async fn keep(kept: Data<&Kept>, exchange: Data<&Exchange>) -> Result<(), Problem> {
    handler::keep(&kept, &exchange).await
}

#[endpoint]
async fn keep_and_wait(kept: Data<&Kept>, exchange: Data<&Exchange>) -> Result<(), Problem> {
    handler::keep_and_wait(&kept, &exchange).await
}

#[endpoint]
async fn streamed(session: WriteSession) -> Body {
    let rows = handler::streamed(session).await;
    Body::from_bytes_stream(rows.map(|row| row.map_err(std::io::Error::other)))
}

#[endpoint]
async fn late(exchange: Exchange, Path(what): Path<String>) -> Result<Body, Problem> {
    let told = handler::late(&what, exchange).await?;
    Ok(Body::from_bytes_stream(
        told.map(|row| row.map_err(std::io::Error::other)),
    ))
}
