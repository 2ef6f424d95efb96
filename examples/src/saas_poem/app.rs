//! The routes.

use std::io;

use dotmac_database::web::poem::problem;
use poem::listener::TcpAcceptor;
use poem::{Endpoint, EndpointExt, Response, Route, Server, delete, get, post};
use tokio::net::TcpListener;

use super::{lock, order, service};
use crate::program::Ending;
use crate::shop::{CACHE_STATS, LIVE, OPENAPI, READY, Shop};

/// The application.
pub fn app(shop: Shop) -> impl Endpoint<Output = Response> + 'static {
    let layer = shop.layer();
    Route::new()
        .at("/orders", get(order::list).post(order::create))
        .at("/orders/trash", get(order::trash))
        .at(
            "/orders/:id",
            get(order::find)
                .put(order::replace)
                .patch(order::change)
                .delete(order::delete),
        )
        .at("/orders/:id/restore", post(order::restore))
        .at("/locks", get(lock::list))
        .at("/locks/:name", delete(lock::break_one))
        .at(LIVE, get(service::live))
        .at(READY, get(service::ready))
        .at(CACHE_STATS, get(service::cache_stats))
        .at(OPENAPI, get(service::openapi))
        .data(shop)
        .catch_all_error(problem)
        .with(layer)
}

/// Serves the application until `ending` comes, and the requests under way to their end.
///
/// # Errors
/// The listener's.
pub async fn serve(listener: TcpListener, shop: Shop, ending: Ending) -> io::Result<()> {
    let acceptor = TcpAcceptor::from_tokio(listener)?;
    Server::new_with_acceptor(acceptor)
        .run_with_graceful_shutdown(app(shop), ending, None)
        .await
}
