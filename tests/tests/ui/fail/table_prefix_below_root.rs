mod entity {
    dotmac_database::table_prefix!("shop_");
}

fn main() {}
