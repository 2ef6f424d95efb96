use dotmac_database::prelude::*;

#[dotmac_database::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, TenantAware)]
pub struct Model {
    #[dotmac(prefix_search)]
    pub number: i64,
}

fn main() {}
