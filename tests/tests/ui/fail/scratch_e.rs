use dotmac_database::prelude::*;

#[dotmac_database::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete)]
#[dotmac(hooks)]
pub struct Model {
    pub number: String,
}

fn main() {}
