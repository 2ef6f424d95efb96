use dotmac_database::prelude::*;

#[dotmac_database::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel)]
#[sea_orm(table_name = "orders")]
pub struct Model {
    pub number: String,
}

fn rows<E: TenantAware>(tenant: &TenantId) {
    let _ = E::find_in(tenant);
}

fn main() {
    rows::<Entity>(&TenantId::parse("acme").unwrap());
}
