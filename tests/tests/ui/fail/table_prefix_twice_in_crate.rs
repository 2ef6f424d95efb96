dotmac_database::table_prefix!("shop_");
dotmac_database::table_prefix!("store_");

fn main() {}
