//! An order, placed by a user.

use dotmac_database::prelude::*;
use serde::{Deserialize, Serialize};

/// An order, which may be cached.
#[dotmac_database::model]
#[derive(
    Clone,
    Debug,
    PartialEq,
    Serialize,
    Deserialize,
    DeriveEntityModel,
    BaseModel,
    SoftDelete,
    Audited,
    TenantAware,
    Versioned,
)]
#[sea_orm(table_name = "orders")]
#[dotmac(cached)]
pub struct Model {
    /// Unique among the tenant's live orders.
    #[sea_orm(unique)]
    pub number: String,
    /// The sum of the lines, in cents.
    pub total_cents: i64,
    /// Who placed it.
    pub user_id: Option<Uuid>,
    /// Who placed it.
    #[sea_orm(belongs_to, from = "user_id", to = "id")]
    #[serde(skip)]
    pub user: BelongsTo<Option<super::user::Entity>>,
    /// Its lines.
    #[sea_orm(has_many)]
    #[serde(skip)]
    pub lines: HasMany<super::order_line::Entity>,
}
