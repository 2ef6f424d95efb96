#[dotmac_database::model]
fn order() {}

fn main() {}
