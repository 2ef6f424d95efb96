#[dotmac_database::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, TenantAware)]
pub enum Model {
    Open,
    Paid,
}

fn main() {}
