//! The entities for which migrations are generated: accounts, and a journal of what happened on them.

pub mod account {
    //! An account.

    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, TenantAware)]
    #[sea_orm(table_name = "accounts")]
    pub struct Model {
        #[sea_orm(unique)]
        pub number: String,
        #[sea_orm(has_many)]
        pub entries: HasMany<super::entry::Entity>,
    }
}

pub mod entry {
    //! An entry of the journal.

    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(
        Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, Audited, TenantAware,
    )]
    #[sea_orm(table_name = "entries")]
    pub struct Model {
        #[sea_orm(default_value = "EUR")]
        pub currency: String,
        #[sea_orm(indexed)]
        pub note: Option<String>,
        pub account_id: Uuid,
        #[sea_orm(belongs_to, from = "account_id", to = "id")]
        pub account: BelongsTo<super::account::Entity>,
    }
}

pub mod currency {
    //! A currency, for all tenants.

    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel)]
    #[sea_orm(table_name = "currencies")]
    pub struct Model {
        #[sea_orm(unique)]
        pub code: String,
        pub digits: i16,
    }
}
