//! Entities whose rows are cached.

/// A page: everything that a derive brings.
pub mod page {
    use dotmac_database::prelude::*;
    use serde::{Deserialize, Serialize};

    #[dotmac_database::model]
    #[derive(
        Clone,
        Debug,
        PartialEq,
        Serialize,
        Deserialize,
        DeriveEntityModel,
        BaseModel,
        SoftDelete,
        Audited,
        TenantAware,
        Versioned,
    )]
    #[sea_orm(table_name = "cached_pages")]
    #[dotmac(cached)]
    pub struct Model {
        #[sea_orm(unique)]
        pub slug: String,
        pub title: String,
    }
}

/// A folder, which is not cached.
pub mod folder {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, TenantAware)]
    #[sea_orm(table_name = "cached_folders")]
    pub struct Model {
        pub name: String,
        #[sea_orm(has_many)]
        pub leaves: HasMany<super::leaf::Entity>,
    }
}

/// A leaf, which is removed with its folder.
pub mod leaf {
    use dotmac_database::prelude::*;
    use serde::{Deserialize, Serialize};

    #[dotmac_database::model]
    #[derive(
        Clone, Debug, PartialEq, Serialize, Deserialize, DeriveEntityModel, BaseModel, TenantAware,
    )]
    #[sea_orm(table_name = "cached_leaves")]
    #[dotmac(cached = "leaves")]
    pub struct Model {
        pub title: String,
        pub folder_id: Uuid,
        #[sea_orm(belongs_to, from = "folder_id", to = "id", on_delete = "Cascade")]
        #[serde(skip)]
        pub folder: BelongsTo<super::folder::Entity>,
    }
}

/// A slot: its key has two columns.
pub mod slot {
    use dotmac_database::prelude::*;
    use serde::{Deserialize, Serialize};

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, DeriveEntityModel, TenantAware)]
    #[sea_orm(table_name = "cached_slots")]
    #[dotmac(cached)]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub room: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub hour: i32,
        pub taken_by: String,
    }
}

/// A ticket: the database makes its key.
pub mod ticket {
    use dotmac_database::prelude::*;
    use serde::{Deserialize, Serialize};

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, DeriveEntityModel, TenantAware)]
    #[sea_orm(table_name = "cached_tickets")]
    #[dotmac(cached)]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub title: String,
    }
}

/// A currency: all tenants see the same rows.
pub mod currency {
    use dotmac_database::prelude::*;
    use serde::{Deserialize, Serialize};

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, DeriveEntityModel)]
    #[sea_orm(table_name = "cached_currencies")]
    #[dotmac(cached)]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub code: String,
        pub name: String,
    }
}
