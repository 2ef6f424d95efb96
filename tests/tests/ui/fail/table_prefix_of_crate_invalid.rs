dotmac_database::table_prefix!("shop.");

fn main() {}
