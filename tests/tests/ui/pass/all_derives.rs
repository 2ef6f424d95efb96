//! All derives together, each on its own, and the table that is named after its module.

mod order {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(
        Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, Audited, TenantAware,
    )]
    #[sea_orm(
        table_name = "orders",
        schema_name = "shop",
        comment = "What users buy."
    )]
    pub struct Model {
        #[sea_orm(unique)]
        pub number: String,
        pub note: Option<String>,
    }
}

mod timestamps {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Timestamps)]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
    }
}

mod soft_delete {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, SoftDelete)]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
    }
}

mod audited {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Audited)]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
    }
}

mod tenant_aware {
    #[dotmac_database::model]
    #[derive(
        Clone,
        Debug,
        PartialEq,
        serde::Serialize,
        serde::Deserialize,
        DeriveEntityModel,
        dotmac_database::prelude::BaseModel,
        dotmac_database::prelude::TenantAware,
    )]
    #[serde(rename_all = "camelCase")]
    pub struct Model {
        pub name: String,
    }

    use dotmac_database::prelude::*;
}

#[test]
fn table_is_named_after_its_module() {
    use sea_orm::EntityName;

    assert_eq!(timestamps::Entity.table_name(), "timestamps");
    assert_eq!(order::Entity.table_name(), "orders");
    assert_eq!(order::Entity.schema_name(), Some("shop"));
    assert_eq!(order::Entity.comment(), Some("What users buy."));
}
