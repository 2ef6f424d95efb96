//! Columns with names of the user's own, and tenants of every type.

mod uuid {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(
        Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, Audited, TenantAware,
    )]
    #[dotmac(id = "key", tenant_id = "organization", tenant_type = "Uuid")]
    #[dotmac(created_at = "made_at", updated_at = "written_at")]
    #[dotmac(
        created_by = "made_by",
        updated_by = "written_by",
        request_id = "trace"
    )]
    #[dotmac(
        deleted_at = "gone_at",
        deleted_by = "gone_by",
        deletion_id = "gone_in",
        is_active = "lives"
    )]
    pub struct Model {
        pub name: String,
    }
}

mod integer {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, TenantAware)]
    #[dotmac(tenant_type = "i64")]
    pub struct Model {
        pub name: String,
    }
}

mod string {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, TenantAware)]
    #[dotmac(tenant_type = "String")]
    pub struct Model {
        pub name: String,
    }
}

#[test]
fn columns_play_their_roles_under_any_name() {
    use dotmac_database::{Featured, TenantKind};
    use sea_orm::Iterable;

    let names: Vec<String> = uuid::Column::iter()
        .map(|c| sea_orm::Iden::to_string(&c))
        .collect();
    let expected = "key organization name made_at written_at made_by written_by trace gone_at \
                    gone_by gone_in lives";
    assert_eq!(names.join(" "), expected);
    let features = uuid::Entity::FEATURES.names();
    assert_eq!(features.client_key, Some("key"));
    assert_eq!(features.soft_delete.unwrap().deletion_id, "gone_in");
    assert!(matches!(features.tenant.unwrap().kind, TenantKind::Uuid));
}
