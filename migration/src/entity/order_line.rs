//! A line of an order.

use dotmac_database::prelude::*;

/// A line of an order.
#[dotmac_database::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, TenantAware)]
#[sea_orm(table_name = "order_lines")]
pub struct Model {
    /// The order.
    pub order_id: Uuid,
    /// The product.
    pub product_id: Uuid,
    /// How many.
    pub quantity: i32,
    /// The order.
    #[sea_orm(belongs_to, from = "order_id", to = "id")]
    pub order: BelongsTo<super::order::Entity>,
    /// The product.
    #[sea_orm(belongs_to, from = "product_id", to = "id")]
    pub product: BelongsTo<super::product::Entity>,
}
