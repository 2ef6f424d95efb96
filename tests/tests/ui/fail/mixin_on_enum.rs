use dotmac_database::prelude::*;

#[dotmac_database::mixin]
pub enum Organization {
    None,
}

fn main() {}
