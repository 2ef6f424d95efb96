use dotmac_database::prelude::*;

#[dotmac_database::mixin]
pub struct Times {
    pub created_at: DateTimeUtc,
}

#[dotmac_database::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel)]
#[sea_orm(table_name = "orders")]
#[dotmac(mixin = Times)]
pub struct Model {
    pub number: String,
}

fn main() {}
