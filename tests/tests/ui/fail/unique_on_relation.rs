mod line {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel)]
    pub struct Model {
        pub order_id: Uuid,
        #[sea_orm(belongs_to, from = "order_id", to = "id")]
        #[dotmac(unique)]
        pub order: BelongsTo<super::order::Entity>,
    }
}

mod order {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel)]
    pub struct Model {
        pub number: String,
    }
}

fn main() {}
