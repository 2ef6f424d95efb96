//! The routes that belong to no tenant.

use axum::Json;
use axum::extract::State;
use dotmac_database::web::{Readiness, StatusCode};
use utoipa::openapi::OpenApi;

use super::document::document;
use crate::shop::{CACHE_STATS, CacheReport, LIVE, OPENAPI, READY, Shop};

/// Whether the process answers.
#[utoipa::path(
    get, path = LIVE, tag = "service", security(()),
    responses((status = 200, description = "It does"))
)]
pub async fn live() -> StatusCode {
    dotmac_database::web::axum::live().await
}

/// Whether requests can be served: the database, its protection, and its migrations.
#[utoipa::path(
    get, path = READY, tag = "service", security(()),
    responses(
        (status = 200, description = "They can", body = Object),
        (status = 503, description = "They cannot, and why", body = Object),
    )
)]
pub async fn ready(State(shop): State<Shop>) -> Readiness {
    shop.readiness().await
}

/// What the caches do.
#[utoipa::path(
    get, path = CACHE_STATS, tag = "service", security(()),
    responses((status = 200, description = "Counts of this process", body = CacheReport))
)]
pub async fn cache_stats(State(shop): State<Shop>) -> Json<CacheReport> {
    Json(shop.cache_report())
}

/// This document.
#[utoipa::path(
    get, path = OPENAPI, tag = "service", security(()),
    responses((status = 200, description = "The document", body = Object))
)]
pub async fn openapi() -> Json<&'static OpenApi> {
    Json(document())
}
