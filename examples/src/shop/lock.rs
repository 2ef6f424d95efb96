//! Locks, as the operator sees and breaks them.

use chrono::{DateTime, Utc};
use dotmac_database::lock::Holder;
use dotmac_database::prelude::*;
use dotmac_database::{Global, web::StatusCode};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Shop;

/// Whose locks are meant: the tenant's, or those that all tenants share.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Whose {
    /// Those that all tenants share.
    #[serde(default)]
    #[param(required = false)]
    pub shared: bool,
}

/// A lock that is held.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HeldLock {
    /// Its name.
    pub name: String,
    /// The number of the acquisition, where the keeper of the locks counts them.
    #[schema(required = false)]
    pub fence: Option<i64>,
    /// The holder's machine.
    pub host: String,
    /// The holder's process on it.
    pub process: u32,
    /// The request that took it, if one did.
    #[schema(required = false)]
    pub request_id: Option<String>,
    /// Since when it is held.
    pub since: DateTime<Utc>,
}

/// Who holds which locks, that held for longest first.
///
/// # Errors
/// 401 for all but the operator.
pub async fn list(
    shop: &Shop,
    whose: Whose,
    context: &RequestContext,
    headers: &HeaderMap,
) -> Result<Vec<HeldLock>, Problem> {
    shop.operator.admit(headers)?;
    let mut holders = match whose.shared {
        true => shop.locks.holders(Global).await?,
        false => shop.locks.holders(context).await?,
    };
    holders.sort_by_key(|holder| holder.since);
    Ok(holders.into_iter().map(HeldLock::from).collect())
}

/// Takes a lock away from its holder, who learns of it within a third of the lock's time to live: until then, both
/// may act.
///
/// # Errors
/// 401 for all but the operator, 404 where nobody holds it.
pub async fn break_one(
    shop: &Shop,
    name: &str,
    whose: Whose,
    context: &RequestContext,
    headers: &HeaderMap,
) -> Result<StatusCode, Problem> {
    shop.operator.admit(headers)?;
    let was_held = match whose.shared {
        true => shop.locks.force_release(Global, name).await?,
        false => shop.locks.force_release(context, name).await?,
    };
    match was_held {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::new(StatusCode::NOT_FOUND).code("not_found")),
    }
}

impl From<Holder> for HeldLock {
    fn from(holder: Holder) -> Self {
        HeldLock {
            name: holder.name,
            fence: holder.fence.map(|fence| fence.number()),
            host: holder.host,
            process: holder.process,
            request_id: holder.request_id,
            since: holder.since,
        }
    }
}
