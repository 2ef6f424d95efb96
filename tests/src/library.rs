//! Entities of a crate whose tables have a prefix.

/// A shelf: it has the prefix of the crate.
pub mod shelf {
    use dotmac_database::prelude::*;

    /// A shelf.
    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, TenantAware)]
    #[sea_orm(table_name = "shelves")]
    pub struct Model {
        /// Where it stands.
        #[sea_orm(unique)]
        pub place: String,
        /// What stands on it.
        #[sea_orm(has_many)]
        pub books: HasMany<super::book::Entity>,
    }
}

/// A book: named after its module, with a prefix of its own.
pub mod book {
    use dotmac_database::prelude::*;

    /// A book.
    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, TenantAware)]
    #[dotmac(table_prefix = "Lent_")]
    pub struct Model {
        /// What it is called.
        pub title: String,
        /// Where it belongs.
        pub shelf_id: Uuid,
        /// Where it belongs.
        #[sea_orm(belongs_to, from = "shelf_id", to = "id")]
        pub shelf: BelongsTo<super::shelf::Entity>,
    }
}

/// A reader: without any prefix.
pub mod reader {
    use dotmac_database::prelude::*;

    /// A reader.
    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel)]
    #[sea_orm(table_name = "readers")]
    #[dotmac(table_prefix = "")]
    pub struct Model {}
}
