//! The derives without the attribute, on columns written by hand.

mod modelled {
    use dotmac_database::prelude::*;

    #[sea_orm::model]
    #[derive(
        Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, Audited, TenantAware,
    )]
    #[sea_orm(table_name = "modelled")]
    #[dotmac(tenant_id = "organization")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub organization: Uuid,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
        pub created_by: Option<String>,
        pub updated_by: Option<String>,
        pub request_id: Option<String>,
        pub deleted_at: Option<DateTimeUtc>,
        pub deleted_by: Option<String>,
        pub deletion_id: Option<Uuid>,
        pub is_active: bool,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod compact {
    use dotmac_database::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, TenantAware)]
    #[sea_orm(table_name = "compact")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub tenant_id: String,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

#[test]
fn derives_alone_bring_the_traits() {
    use dotmac_database::prelude::*;

    assert!(matches!(
        modelled::Entity::TENANT_ID,
        modelled::Column::Organization
    ));
    assert!(matches!(
        modelled::Entity::MARKS.deletion_id,
        modelled::Column::DeletionId
    ));
    assert!(matches!(
        compact::Entity::TIMESTAMPS.created_at,
        compact::Column::CreatedAt
    ));
}
