use dotmac_database::prelude::*;

#[dotmac_database::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel)]
#[sea_orm(table_name = "orders")]
#[dotmac(table_prefix = "shop.")]
pub struct Model {
    pub number: String,
}

fn main() {}
