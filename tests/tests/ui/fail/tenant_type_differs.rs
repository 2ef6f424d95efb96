use dotmac_database::prelude::*;

#[dotmac_database::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, TenantAware)]
#[sea_orm(table_name = "orders")]
#[dotmac(tenant_type = "i64")]
pub struct Model {
    pub tenant_id: Uuid,
}

fn main() {}
