//! A tenant. Its row belongs to itself, so that a tenant sees its own row only.

use dotmac_database::prelude::*;

/// A tenant.
#[dotmac_database::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Timestamps, TenantAware)]
#[sea_orm(table_name = "tenants")]
#[dotmac(tenant_id = "id")]
pub struct Model {
    /// The tenant's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The tenant's name.
    pub name: String,
}
