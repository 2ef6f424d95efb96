use dotmac_database::prelude::*;

#[derive(TenantAware)]
pub struct Order {
    pub tenant_id: String,
}

fn main() {}
