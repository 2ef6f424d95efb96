//! Primary keys of the user's own: they replace the `id` of `BaseModel`.

mod integer {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, TenantAware)]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub name: String,
    }
}

mod natural {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel)]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub code: String,
    }
}

mod composite {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, TenantAware)]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub order_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub position: i32,
    }
}

#[test]
fn own_key_is_not_ours_to_fill() {
    use dotmac_database::Featured;

    assert!(integer::Entity::FEATURES.client_key.is_none());
    assert!(natural::Entity::FEATURES.client_key.is_none());
    assert!(composite::Entity::FEATURES.client_key.is_none());
}
