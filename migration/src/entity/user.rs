//! A user. The same e-mail address can be a user of several tenants.

use dotmac_database::prelude::*;

/// A user.
#[dotmac_database::model]
#[derive(
    Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, Audited, TenantAware,
)]
#[sea_orm(table_name = "users")]
pub struct Model {
    /// Unique among the tenant's live users.
    #[sea_orm(unique)]
    pub email: String,
    /// The user's name.
    pub name: String,
    /// The orders the user placed.
    #[sea_orm(has_many)]
    pub orders: HasMany<super::order::Entity>,
}
