use dotmac_database::prelude::*;

#[dotmac_database::mixin]
pub struct Organization {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
}

#[dotmac_database::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel)]
#[sea_orm(table_name = "orders")]
#[dotmac(mixin = Organization)]
pub struct Model {
    pub number: String,
}

fn main() {}
