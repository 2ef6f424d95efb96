use dotmac_database::prelude::*;

#[dotmac_database::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, Audited)]
#[sea_orm(table_name = "orders")]
#[dotmac(created_by = "editor", updated_by = "editor")]
pub struct Model {
    pub number: String,
}

fn main() {}
