//! The routes that belong to no tenant.

use dotmac_database::web::{Readiness, StatusCode};
use poem::handler;
use poem::web::{Data, Json};
use utoipa::openapi::OpenApi;

use crate::saas::document;
use crate::shop::{CacheReport, Shop};

#[handler]
pub fn live() -> StatusCode {
    StatusCode::OK
}

#[handler]
pub async fn ready(Data(shop): Data<&Shop>) -> Readiness {
    shop.readiness().await
}

#[handler]
pub fn cache_stats(Data(shop): Data<&Shop>) -> Json<CacheReport> {
    Json(shop.cache_report())
}

#[handler]
pub fn openapi() -> Json<&'static OpenApi> {
    Json(document())
}
