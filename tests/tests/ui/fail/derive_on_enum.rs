use dotmac_database::prelude::*;

#[derive(SoftDelete, TenantAware)]
pub enum Model {
    Open,
    Paid,
}

fn main() {}
