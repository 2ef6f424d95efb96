use dotmac_database::prelude::*;

#[dotmac_database::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete)]
#[sea_orm(table_name = "orders")]
pub struct Model {
    pub deleted_at: DateTimeUtc,
}

fn main() {}
