use dotmac_database::prelude::*;

#[dotmac_database::model]
fn order() {}

fn main() {}
