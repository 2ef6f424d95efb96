use dotmac_database::prelude::*;

#[dotmac_database::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, TenantAware)]
#[sea_orm(table_name = "orders")]
#[dotmac(tenant_id = "owner", tenant_id = "landlord")]
pub struct Model {
    pub number: String,
}

fn main() {}
