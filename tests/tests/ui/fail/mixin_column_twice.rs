use dotmac_database::prelude::*;

#[dotmac_database::mixin]
pub struct Organization {
    pub organization_id: Uuid,
}

#[dotmac_database::mixin]
pub struct Company {
    pub organization_id: i64,
}

#[dotmac_database::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel)]
#[sea_orm(table_name = "orders")]
#[dotmac(mixin = Organization, mixin = Company)]
pub struct Model {
    pub number: String,
}

fn main() {}
