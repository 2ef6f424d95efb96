use dotmac_database::prelude::*;

#[dotmac_database::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, TenantAware)]
#[sea_orm(table_name = "orders")]
#[dotmac(cached = "my orders")]
pub struct Model {
    pub number: String,
}

fn main() {}
