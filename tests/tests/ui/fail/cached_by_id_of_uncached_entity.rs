mod order {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, TenantAware)]
    #[sea_orm(table_name = "orders")]
    pub struct Model {
        pub number: String,
    }
}

fn is_cached<E: dotmac_database::Cached>() {}

fn main() {
    is_cached::<order::Entity>();
}
