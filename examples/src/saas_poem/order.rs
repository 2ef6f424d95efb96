//! The routes of orders.

use dotmac_database::prelude::*;
use dotmac_database::web::StatusCode;
use http::HeaderMap;
use poem::handler;
use poem::web::{Data, Json, Path, Query};
use serde_json::Value;

use crate::shop::body::{NewOrder, Order, OrderPage, Wanted};
use crate::shop::{IfMatch, Shop, order};

#[handler]
pub async fn list(
    Data(shop): Data<&Shop>,
    tx: ReadSession,
    Query(wanted): Query<Wanted>,
) -> Result<Json<OrderPage>, Problem> {
    order::list(shop, wanted, &tx).await.map(Json)
}

#[handler]
pub async fn trash(
    Data(shop): Data<&Shop>,
    tx: ReadSession,
    Query(wanted): Query<Wanted>,
) -> Result<Json<OrderPage>, Problem> {
    order::trash(shop, wanted, &tx).await.map(Json)
}

#[handler]
pub async fn create(
    tx: WriteSession,
    Json(new): Json<NewOrder>,
) -> Result<(StatusCode, HeaderMap, Json<Order>), Problem> {
    let order = order::create(new, &tx).await?;
    Ok((StatusCode::CREATED, order.etag_and_location(), Json(order)))
}

#[handler]
pub async fn find(
    Data(shop): Data<&Shop>,
    tx: ReadSession,
    Path(id): Path<Uuid>,
) -> Result<(HeaderMap, Json<Order>), Problem> {
    let order = order::find(id, shop, &tx).await?;
    Ok((order.etag(), Json(order)))
}

#[handler]
pub async fn replace(
    tx: WriteSession,
    Path(id): Path<Uuid>,
    headers: &HeaderMap,
    Json(new): Json<NewOrder>,
) -> Result<(HeaderMap, Json<Order>), Problem> {
    let order = order::replace(id, &IfMatch::of(headers)?, new, &tx).await?;
    Ok((order.etag(), Json(order)))
}

#[handler]
pub async fn change(
    tx: WriteSession,
    Path(id): Path<Uuid>,
    headers: &HeaderMap,
    Json(change): Json<Value>,
) -> Result<(HeaderMap, Json<Order>), Problem> {
    let order = order::change(id, &IfMatch::of(headers)?, change, &tx).await?;
    Ok((order.etag(), Json(order)))
}

#[handler]
pub async fn delete(
    tx: WriteSession,
    Path(id): Path<Uuid>,
    headers: &HeaderMap,
) -> Result<StatusCode, Problem> {
    order::delete(id, IfMatch::given(headers).as_ref(), &tx).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[handler]
pub async fn restore(
    tx: WriteSession,
    Path(id): Path<Uuid>,
) -> Result<(HeaderMap, Json<Order>), Problem> {
    let order = order::restore(id, &tx).await?;
    Ok((order.etag(), Json(order)))
}
