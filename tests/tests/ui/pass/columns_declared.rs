//! Columns that the struct declares itself, in every type that is accepted.

mod order {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(
        Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, Audited, TenantAware,
    )]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub tenant_id: i64,
        pub number: String,
        pub created_at: DateTimeWithTimeZone,
        pub updated_at: DateTimeUtc,
        pub created_by: Option<String>,
        #[sea_orm(column_type = "Text", nullable)]
        pub updated_by: Option<String>,
        pub request_id: Option<std::string::String>,
        pub deleted_at: Option<DateTimeWithTimeZone>,
        pub deleted_by: Option<String>,
        pub deletion_id: Option<sea_orm::prelude::Uuid>,
        #[sea_orm(extra = "GENERATED ALWAYS AS (deleted_at IS NULL) STORED")]
        pub is_active: bool,
    }
}

mod tenant {
    use dotmac_database::prelude::*;

    /// Its row belongs to itself.
    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Timestamps, TenantAware)]
    #[dotmac(tenant_id = "id")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub created_at: chrono::DateTime<chrono::Utc>,
    }
}
