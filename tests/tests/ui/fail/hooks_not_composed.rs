use dotmac_database::prelude::*;

#[dotmac_database::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete)]
#[sea_orm(table_name = "orders")]
#[dotmac(hooks)]
pub struct Model {
    pub number: String,
}

impl ActiveModelBehavior for ActiveModel {}

fn main() {}
