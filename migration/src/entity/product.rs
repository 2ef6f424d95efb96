//! A product: read by all tenants, written by none.

use dotmac_database::prelude::*;

/// A product.
#[dotmac_database::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel)]
#[sea_orm(table_name = "products")]
pub struct Model {
    /// What it is called.
    #[sea_orm(unique)]
    pub name: String,
    /// What it costs, in cents.
    pub price_cents: i64,
    /// The lines that order it.
    #[sea_orm(has_many)]
    pub lines: HasMany<super::order_line::Entity>,
}
