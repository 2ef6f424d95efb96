//! The routes, which are also what the document describes.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use dotmac_database::web::axum::{no_method, no_route};
use tokio::net::TcpListener;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::document::Description;
use super::{lock, order, service};
use crate::program::Ending;
use crate::shop::Shop;

/// The application.
pub fn app(shop: Shop) -> Router {
    let layer = shop.layer();
    let (router, _) = routes().split_for_parts();
    router
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .with_state(shop)
        .layer(layer)
}

/// Serves the application until `ending` comes, and the requests under way to their end.
///
/// # Errors
/// The listener's.
pub async fn serve(listener: TcpListener, shop: Shop, ending: Ending) -> io::Result<()> {
    let app = app(shop).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app)
        .with_graceful_shutdown(ending)
        .await
}

pub(super) fn routes() -> OpenApiRouter<Shop> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(order::list, order::create))
        .routes(routes!(order::trash))
        .routes(routes!(
            order::find,
            order::replace,
            order::change,
            order::delete
        ))
        .routes(routes!(order::restore))
        .routes(routes!(lock::list))
        .routes(routes!(lock::break_one))
        .routes(routes!(service::live))
        .routes(routes!(service::ready))
        .routes(routes!(service::cache_stats))
        .routes(routes!(service::openapi))
}
