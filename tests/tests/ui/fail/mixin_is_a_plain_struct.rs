use dotmac_database::prelude::*;

mod team {
    pub struct Organization {
        pub organization_id: i64,
    }
}

#[dotmac_database::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel)]
#[sea_orm(table_name = "orders")]
#[dotmac(mixin = team::Organization)]
pub struct Model {
    pub number: String,
}

fn main() {}
