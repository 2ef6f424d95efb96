mod warned {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, TenantAware)]
    pub struct Model {
        #[sea_orm(indexed)]
        pub settings: Json,
        #[dotmac(unique)]
        pub codes: Option<Vec<i32>>,
        #[dotmac(unique = "price")]
        #[sea_orm(column_type = "Decimal(Some((12, 2)))")]
        pub price: i64,
        #[sea_orm(unique, column_type = "custom(\"citext\")")]
        pub email: String,
    }
}

mod silent {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, TenantAware)]
    pub struct Model {
        // Accepted, not indexed, trusted.
        #[sea_orm(indexed)]
        #[dotmac(accept_slow_index)]
        pub settings: Json,
        pub preferences: Json,
        #[sea_orm(indexed)]
        pub picture: Vec<u8>,
        #[dotmac(unique)]
        pub email: String,
    }
}

mod of_no_tenant {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel)]
    pub struct Model {
        #[sea_orm(indexed)]
        pub settings: Json,
    }
}

fn main() {
    // A warning is shown beside an error only.
    let _: bool = warned::Entity;
}
