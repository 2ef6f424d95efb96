//! Entities in every shape, for the tests of `entities`.

pub mod device {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(
        Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, Audited, TenantAware,
    )]
    #[dotmac(
        id = "device_id",
        tenant_id = "org_id",
        created_at = "made_at",
        deleted_at = "gone_at",
        is_active = "alive",
        created_by = "maker"
    )]
    #[sea_orm(table_name = "devices")]
    pub struct Model {
        pub name: String,
    }
}

pub mod flag {
    use dotmac_database::prelude::*;
    use serde::{Deserialize, Serialize};

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, DeriveEntityModel, TenantAware)]
    #[sea_orm(table_name = "flags")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub name: String,
    }
}

pub mod counter {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Timestamps, SoftDelete, TenantAware)]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub number: i32,
        pub tenant_id: String,
        pub value: i64,
    }
}

pub mod metric {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, TenantAware)]
    #[sea_orm(table_name = "metrics")]
    #[dotmac(tenant_type = "Uuid")]
    pub struct Model {
        #[sea_orm(unique)]
        pub name: String,
    }
}

pub mod bill {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, TenantAware)]
    #[sea_orm(table_name = "bills")]
    #[dotmac(tenant_id = "account", tenant_type = "i64")]
    pub struct Model {
        pub total: i64,
    }
}

pub mod mood {
    use dotmac_database::prelude::*;

    #[derive(Clone, Debug, PartialEq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "mood")]
    pub enum Mood {
        #[sea_orm(string_value = "good")]
        Good,
        #[sea_orm(string_value = "bad")]
        Bad,
    }

    // A schema of its own, and a type that outlives no table.
    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, TenantAware)]
    #[sea_orm(table_name = "days", schema_name = "crm")]
    pub struct Model {
        pub mood: Mood,
    }
}

pub mod setting {
    use dotmac_database::prelude::*;

    // A composite key of its own, columns declared by hand among the user's.
    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Audited, TenantAware)]
    #[sea_orm(table_name = "settings", comment = "key and value")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        pub value: Json,
        pub created_by: Option<String>,
    }
}

pub mod folder {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, TenantAware)]
    #[sea_orm(table_name = "folders")]
    pub struct Model {
        pub name: String,
        pub parent_id: Option<Uuid>,
        #[sea_orm(
            self_ref,
            relation_enum = "Parent",
            relation_reverse = "Children",
            from = "parent_id",
            to = "id"
        )]
        pub parent: BelongsTo<Option<Entity>>,
        #[sea_orm(self_ref, relation_enum = "Children", relation_reverse = "Parent")]
        pub children: HasMany<Entity>,
        #[sea_orm(has_many, via = "folder_tag")]
        pub tags: HasMany<super::tag::Entity>,
    }
}

pub mod tag {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, TenantAware)]
    #[sea_orm(table_name = "tags")]
    pub struct Model {
        pub label: String,
        #[sea_orm(has_many, via = "folder_tag")]
        pub folders: HasMany<super::folder::Entity>,
    }
}

pub mod folder_tag {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, TenantAware)]
    #[sea_orm(table_name = "folder_tags")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub folder_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub tag_id: Uuid,
        #[sea_orm(belongs_to, from = "folder_id", to = "id")]
        pub folder: BelongsTo<super::folder::Entity>,
        #[sea_orm(belongs_to, from = "tag_id", to = "id")]
        pub tag: BelongsTo<super::tag::Entity>,
    }
}

pub mod by_hand {
    use dotmac_database::prelude::*;

    // The derives alone, on SeaORM's own model.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, SoftDelete, TenantAware)]
    #[sea_orm(table_name = "notes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub tenant_id: String,
        pub body: String,
        pub deleted_at: Option<DateTimeUtc>,
        pub deleted_by: Option<String>,
        pub deletion_id: Option<Uuid>,
        #[sea_orm(extra = "GENERATED ALWAYS AS (deleted_at IS NULL) STORED")]
        pub is_active: bool,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Slim entities on a table of another entity, which know nothing of its tenant.
macro_rules! user_cards {
    ($($name:ident)*) => {$(
        #[allow(dead_code, reason = "registered, and never asked for anything")]
        pub mod $name {
            use dotmac_database::prelude::*;

            #[dotmac_database::model]
            #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
            #[sea_orm(table_name = "users")]
            pub struct Model {
                #[sea_orm(primary_key, auto_increment = false)]
                pub id: Uuid,
                pub name: String,
            }
        }
    )*};
}

// Several, because which of a table's entities is met first is not defined.
user_cards!(card_a card_b card_c card_d card_e);
