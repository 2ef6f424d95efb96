use dotmac_database::prelude::*;

#[dotmac_database::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, TenantAware)]
#[sea_orm(table_name = "orders")]
pub struct Model {
    pub tenant_id: i32,
}

fn main() {}
