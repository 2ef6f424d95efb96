use dotmac_database::prelude::*;

#[dotmac_database::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel)]
pub struct Model {
    #[dotmac(uniqe)]
    pub number: String,
}

fn main() {}
