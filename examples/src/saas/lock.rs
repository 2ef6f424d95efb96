//! The routes of locks, for the operator.

use axum::Json;
use axum::extract::{Path, Query, State};
use dotmac_database::prelude::*;
use dotmac_database::web::StatusCode;
use http::HeaderMap;

use super::parsed::Parsed;
use crate::shop::body::Refusal;
use crate::shop::lock::{HeldLock, Whose};
use crate::shop::{Shop, lock};

/// Lists the locks that are held.
#[utoipa::path(
    get, path = "/locks", tag = "operator", params(Whose), security(("tenant" = [], "operator" = [])),
    responses(
        (status = 200, description = "That held for longest first", body = [HeldLock]),
        (status = 401, response = Refusal),
        (status = "default", response = Refusal),
    )
)]
pub async fn list(
    State(shop): State<Shop>,
    context: RequestContext,
    Parsed(Query(whose)): Parsed<Query<Whose>>,
    headers: HeaderMap,
) -> Result<Json<Vec<HeldLock>>, Problem> {
    let held = lock::list(&shop, whose, &context, &headers).await?;
    Ok(Json(held))
}

/// Takes a lock away from its holder: until that has noticed, two may act.
#[utoipa::path(
    delete, path = "/locks/{name}", tag = "operator", security(("tenant" = [], "operator" = [])),
    params(("name" = String, Path), Whose),
    responses(
        (status = 204, description = "It was taken away"),
        (status = 401, response = Refusal),
        (status = 404, response = Refusal),
        (status = "default", response = Refusal),
    )
)]
pub async fn break_one(
    State(shop): State<Shop>,
    context: RequestContext,
    Parsed(Path(name)): Parsed<Path<String>>,
    Parsed(Query(whose)): Parsed<Query<Whose>>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    lock::break_one(&shop, &name, whose, &context, &headers).await
}
