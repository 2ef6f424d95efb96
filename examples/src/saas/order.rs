//! The routes of orders.

use axum::Json;
use axum::extract::{Path, Query, State};
use dotmac_database::prelude::*;
use dotmac_database::web::StatusCode;
use http::HeaderMap;
use serde_json::Value;

use super::parsed::Parsed;
use crate::shop::body::{NewOrder, Order, OrderChange, OrderPage, Refusal, Wanted};
use crate::shop::{IfMatch, Shop, order};

type Id = Parsed<Path<Uuid>>;

/// Lists the orders, the newest first.
#[utoipa::path(
    get, path = "/orders", tag = "orders", params(Wanted),
    responses(
        (status = 200, description = "A page", body = OrderPage),
        (status = "default", response = Refusal),
    )
)]
pub async fn list(
    State(shop): State<Shop>,
    tx: ReadSession,
    Parsed(Query(wanted)): Parsed<Query<Wanted>>,
) -> Result<Json<OrderPage>, Problem> {
    order::list(&shop, wanted, &tx).await.map(Json)
}

/// Lists the deleted orders.
#[utoipa::path(
    get, path = "/orders/trash", tag = "orders", params(Wanted),
    responses(
        (status = 200, description = "A page", body = OrderPage),
        (status = "default", response = Refusal),
    )
)]
pub async fn trash(
    State(shop): State<Shop>,
    tx: ReadSession,
    Parsed(Query(wanted)): Parsed<Query<Wanted>>,
) -> Result<Json<OrderPage>, Problem> {
    order::trash(&shop, wanted, &tx).await.map(Json)
}

/// Places an order.
#[utoipa::path(
    post, path = "/orders", tag = "orders", request_body = NewOrder,
    responses(
        (status = 201, description = "The order", body = Order,
         headers(("etag" = String), ("location" = String))),
        (status = 409, response = Refusal),
        (status = "default", response = Refusal),
    )
)]
pub async fn create(
    tx: WriteSession,
    Parsed(Json(new)): Parsed<Json<NewOrder>>,
) -> Result<(StatusCode, HeaderMap, Json<Order>), Problem> {
    let order = order::create(new, &tx).await?;
    Ok((StatusCode::CREATED, order.etag_and_location(), Json(order)))
}

/// Reads an order.
#[utoipa::path(
    get, path = "/orders/{id}", tag = "orders", params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "The order", body = Order, headers(("etag" = String))),
        (status = 404, response = Refusal),
        (status = "default", response = Refusal),
    )
)]
pub async fn find(
    State(shop): State<Shop>,
    tx: ReadSession,
    Parsed(Path(id)): Id,
) -> Result<(HeaderMap, Json<Order>), Problem> {
    let order = order::find(id, &shop, &tx).await?;
    Ok((order.etag(), Json(order)))
}

/// Replaces all of an order that a client may set.
#[utoipa::path(
    put, path = "/orders/{id}", tag = "orders", request_body = NewOrder,
    params(("id" = Uuid, Path), ("if-match" = String, Header, description = "The ETag that was seen")),
    responses(
        (status = 200, description = "The order", body = Order, headers(("etag" = String))),
        (status = 404, response = Refusal),
        (status = 409, response = Refusal),
        (status = 412, response = Refusal),
        (status = 428, response = Refusal),
        (status = "default", response = Refusal),
    )
)]
pub async fn replace(
    tx: WriteSession,
    Parsed(Path(id)): Id,
    headers: HeaderMap,
    Parsed(Json(new)): Parsed<Json<NewOrder>>,
) -> Result<(HeaderMap, Json<Order>), Problem> {
    let order = order::replace(id, &IfMatch::of(&headers)?, new, &tx).await?;
    Ok((order.etag(), Json(order)))
}

/// Changes a part of an order.
#[utoipa::path(
    patch, path = "/orders/{id}", tag = "orders", request_body = OrderChange,
    params(("id" = Uuid, Path), ("if-match" = String, Header, description = "The ETag that was seen")),
    responses(
        (status = 200, description = "The order", body = Order, headers(("etag" = String))),
        (status = 404, response = Refusal),
        (status = 409, response = Refusal),
        (status = 412, response = Refusal),
        (status = 428, response = Refusal),
        (status = "default", response = Refusal),
    )
)]
pub async fn change(
    tx: WriteSession,
    Parsed(Path(id)): Id,
    headers: HeaderMap,
    Parsed(Json(change)): Parsed<Json<Value>>,
) -> Result<(HeaderMap, Json<Order>), Problem> {
    let order = order::change(id, &IfMatch::of(&headers)?, change, &tx).await?;
    Ok((order.etag(), Json(order)))
}

/// Deletes an order: it goes to the trash.
#[utoipa::path(
    delete, path = "/orders/{id}", tag = "orders",
    params(
        ("id" = Uuid, Path),
        ("if-match" = Option<String>, Header, description = "The ETag that was seen"),
    ),
    responses(
        (status = 204, description = "It is in the trash"),
        (status = 404, response = Refusal),
        (status = 412, response = Refusal),
        (status = "default", response = Refusal),
    )
)]
pub async fn delete(
    tx: WriteSession,
    Parsed(Path(id)): Id,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    order::delete(id, IfMatch::given(&headers).as_ref(), &tx).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Brings a deleted order back.
#[utoipa::path(
    post, path = "/orders/{id}/restore", tag = "orders", params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "The order", body = Order, headers(("etag" = String))),
        (status = 404, response = Refusal),
        (status = 409, response = Refusal),
        (status = "default", response = Refusal),
    )
)]
pub async fn restore(
    tx: WriteSession,
    Parsed(Path(id)): Id,
) -> Result<(HeaderMap, Json<Order>), Problem> {
    let order = order::restore(id, &tx).await?;
    Ok((order.etag(), Json(order)))
}
