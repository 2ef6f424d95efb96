use dotmac_database::prelude::*;

#[dotmac_database::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, Versioned)]
pub struct Model {
    pub version: i64,
}

fn main() {}
