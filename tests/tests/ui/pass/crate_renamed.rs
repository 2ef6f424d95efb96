//! The runtime under another name.

mod order {
    use dotmac_database as renamed;
    use renamed::prelude::*;

    #[renamed::model]
    #[derive(
        Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, Audited, TenantAware,
    )]
    #[dotmac(crate = "renamed", hooks)]
    pub struct Model {
        pub number: String,
    }

    #[renamed::hooks(crate = "renamed")]
    impl ActiveModelBehavior for ActiveModel {}
}

mod alone {
    use dotmac_database as renamed;
    use renamed::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, TenantAware)]
    #[sea_orm(table_name = "alone")]
    #[dotmac(crate = "renamed")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub tenant_id: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
