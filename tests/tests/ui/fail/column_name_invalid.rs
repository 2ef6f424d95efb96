use dotmac_database::prelude::*;

#[dotmac_database::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete)]
#[sea_orm(table_name = "orders")]
#[dotmac(deleted_at = "deleted at")]
pub struct Model {
    pub number: String,
}

fn main() {}
