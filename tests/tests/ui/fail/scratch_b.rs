use dotmac_database::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, Audited, TenantAware)]
#[sea_orm(table_name = "orders")]
pub struct Model {
    pub number: String,
}

impl ActiveModelBehavior for ActiveModel {}

fn main() {}
