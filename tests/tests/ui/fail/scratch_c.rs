use dotmac_database::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, SoftDelete, Audited, TenantAware)]
#[sea_orm(table_name = "orders")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i32,
    pub number: String,
}

fn main() {}
