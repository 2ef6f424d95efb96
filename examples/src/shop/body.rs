//! What clients send and are told.

use chrono::{DateTime, Utc};
use dotmac_database::prelude::*;
use dotmac_database::query::Page;
use http::{HeaderMap, HeaderValue, header};
use migration::entity::order;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToResponse, ToSchema};

/// An order, as clients see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Order {
    /// Its key.
    pub id: Uuid,
    /// Unique among the tenant's live orders.
    pub number: String,
    /// The sum of its lines, in cents.
    pub total_cents: i64,
    /// Who placed it.
    pub user_id: Option<Uuid>,
    /// Counts its changes. The ETag says the same.
    pub version: i32,
    /// When it was placed.
    pub created_at: DateTime<Utc>,
    /// When it was changed.
    pub updated_at: DateTime<Utc>,
    /// When it was deleted, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<DateTime<Utc>>,
}

impl Order {
    /// The header with the ETag.
    pub fn etag(&self) -> HeaderMap {
        let tag = text(format!("\"{}\"", self.version));
        HeaderMap::from_iter([(header::ETAG, tag)])
    }

    /// The headers of an order that was just made: its ETag, and where it is.
    pub fn etag_and_location(&self) -> HeaderMap {
        let mut headers = self.etag();
        headers.insert(header::LOCATION, text(format!("/orders/{}", self.id)));
        headers
    }
}

#[expect(
    clippy::expect_used,
    reason = "what the two functions above write is ASCII"
)]
fn text(value: String) -> HeaderValue {
    HeaderValue::try_from(value).expect("BUG: numbers and ids are visible ASCII")
}

impl From<order::Model> for Order {
    fn from(row: order::Model) -> Self {
        Order {
            id: row.id,
            number: row.number,
            total_cents: row.total_cents,
            user_id: row.user_id,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
        }
    }
}

/// The whole of an order that a client may set.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// Unique among the tenant's live orders.
    pub number: String,
    /// The sum of its lines, in cents.
    pub total_cents: i64,
    /// Who placed it: a user of the same tenant.
    pub user_id: Option<Uuid>,
}

/// A part of an order: a key that is left out stays as it is.
///
/// It describes the JSON that [`update_from_json`](JsonModel::update_from_json) takes.
#[derive(Debug, Clone, ToSchema)]
pub struct OrderChange {
    /// Unique among the tenant's live orders.
    #[schema(required = false, nullable = false)]
    pub number: Option<String>,
    /// The sum of its lines, in cents.
    #[schema(required = false, nullable = false)]
    pub total_cents: Option<i64>,
    /// Who placed it; `null` is nobody.
    pub user_id: Option<Uuid>,
}

/// Which page of a list a client wants.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// How many orders: 50 by default, 1,000 at most.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub after: Option<String>,
    /// `previous` of the page after.
    pub before: Option<String>,
}

/// A page of orders, the newest first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OrderPage {
    /// The orders.
    pub orders: Vec<Order>,
    /// The cursor of the page after this one, if there may be one.
    pub next: Option<String>,
    /// The cursor of the page before this one, if there may be one.
    pub previous: Option<String>,
}

impl From<Page<order::Model>> for OrderPage {
    fn from(page: Page<order::Model>) -> Self {
        OrderPage {
            orders: page.rows.into_iter().map(Order::from).collect(),
            next: page.end.filter(|_| page.has_next),
            previous: page.start.filter(|_| page.has_previous),
        }
    }
}

/// Why a request was refused (RFC 9457). Describes [`Problem`] in the document.
#[derive(Debug, Clone, ToSchema, ToResponse)]
#[response(content_type = "application/problem+json")]
pub struct Refusal {
    /// The URI of the kind, `about:blank` for all that have none.
    pub r#type: String,
    /// What went wrong, the same for each of its kind.
    pub title: String,
    /// The status.
    pub status: u16,
    /// The kind, for programs.
    #[schema(required = false)]
    pub code: Option<String>,
    /// What went wrong this time.
    #[schema(required = false)]
    pub detail: Option<String>,
    /// The request, as the log names it.
    pub request_id: String,
}
