use dotmac_database::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, TenantAware)]
#[dotmac_database::model]
#[sea_orm(table_name = "orders")]
#[dotmac(tenant_id = "owner")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i32,
    pub number: String,
}

fn main() {}
