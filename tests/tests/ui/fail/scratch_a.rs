use dotmac_database::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, Audited, TenantAware)]
#[dotmac_database::model]
#[sea_orm(table_name = "orders")]
pub struct Model {
    pub number: String,
}

fn main() {}
