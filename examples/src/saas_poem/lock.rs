//! The routes of locks, for the operator.

use dotmac_database::prelude::*;
use dotmac_database::web::StatusCode;
use http::HeaderMap;
use poem::handler;
use poem::web::{Data, Json, Path, Query};

use crate::shop::lock::{HeldLock, Whose};
use crate::shop::{Shop, lock};

#[handler]
pub async fn list(
    Data(shop): Data<&Shop>,
    context: RequestContext,
    Query(whose): Query<Whose>,
    headers: &HeaderMap,
) -> Result<Json<Vec<HeldLock>>, Problem> {
    let held = lock::list(shop, whose, &context, headers).await?;
    Ok(Json(held))
}

#[handler]
pub async fn break_one(
    Data(shop): Data<&Shop>,
    context: RequestContext,
    Path(name): Path<String>,
    Query(whose): Query<Whose>,
    headers: &HeaderMap,
) -> Result<StatusCode, Problem> {
    lock::break_one(shop, &name, whose, &context, headers).await
}
