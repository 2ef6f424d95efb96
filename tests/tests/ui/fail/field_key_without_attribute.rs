use dotmac_database::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Versioned)]
#[sea_orm(table_name = "orders")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i32,
    #[dotmac(unique)]
    pub number: String,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}

fn main() {}
