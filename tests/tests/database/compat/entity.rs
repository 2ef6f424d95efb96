//! A library: authors, their books, chapters, labels, and copies on shelves.

pub mod author {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(
        Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, Audited, TenantAware,
    )]
    #[sea_orm(table_name = "authors")]
    pub struct Model {
        #[sea_orm(unique)]
        pub name: String,
        #[sea_orm(has_one)]
        pub profile: HasOne<super::profile::Entity>,
        #[sea_orm(has_many)]
        pub books: HasMany<super::book::Entity>,
    }
}

pub mod profile {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, TenantAware)]
    #[sea_orm(table_name = "profiles")]
    pub struct Model {
        #[sea_orm(unique)]
        pub author_id: Uuid,
        pub about: String,
        #[sea_orm(belongs_to, from = "author_id", to = "id")]
        pub author: BelongsTo<super::author::Entity>,
    }
}

pub mod book {
    use dotmac_database::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "genre")]
    pub enum Genre {
        #[sea_orm(string_value = "science")]
        Science,
        #[sea_orm(string_value = "poetry")]
        Poetry,
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "i32", db_type = "Integer")]
    pub enum Binding {
        #[sea_orm(num_value = 1)]
        Paper,
        #[sea_orm(num_value = 2)]
        Cloth,
    }

    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
    pub struct Edition {
        pub year: i32,
        pub languages: Vec<String>,
    }

    #[dotmac_database::model]
    #[derive(
        Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, Audited, TenantAware,
    )]
    #[sea_orm(table_name = "books")]
    pub struct Model {
        pub author_id: Uuid,
        pub sequel_of: Option<Uuid>,
        #[sea_orm(unique)]
        pub title: String,
        #[sea_orm(column_type = "Decimal(Some((10, 2)))")]
        pub price: Decimal,
        pub genre: Genre,
        pub binding: Option<Binding>,
        pub edition: Edition,
        #[sea_orm(belongs_to, from = "author_id", to = "id")]
        pub author: BelongsTo<super::author::Entity>,
        #[sea_orm(
            self_ref,
            relation_enum = "Original",
            relation_reverse = "Sequels",
            from = "sequel_of",
            to = "id"
        )]
        pub original: BelongsTo<Option<Entity>>,
        #[sea_orm(self_ref, relation_enum = "Sequels", relation_reverse = "Original")]
        pub sequels: HasMany<Entity>,
        #[sea_orm(has_many)]
        pub chapters: HasMany<super::chapter::Entity>,
        #[sea_orm(has_many)]
        pub copies: HasMany<super::copy::Entity>,
        #[sea_orm(has_many, via = "book_label")]
        pub labels: HasMany<super::label::Entity>,
    }
}

pub mod chapter {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, TenantAware)]
    #[sea_orm(table_name = "chapters")]
    pub struct Model {
        pub book_id: Uuid,
        pub number: i32,
        pub words: i32,
        #[sea_orm(belongs_to, from = "book_id", to = "id")]
        pub book: BelongsTo<super::book::Entity>,
    }
}

pub mod label {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, TenantAware)]
    #[sea_orm(table_name = "labels")]
    pub struct Model {
        #[sea_orm(unique)]
        pub name: String,
        #[sea_orm(has_many, via = "book_label")]
        pub books: HasMany<super::book::Entity>,
    }
}

pub mod book_label {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, TenantAware)]
    #[sea_orm(table_name = "book_labels")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub book_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub label_id: Uuid,
        #[sea_orm(belongs_to, from = "book_id", to = "id")]
        pub book: BelongsTo<super::book::Entity>,
        #[sea_orm(belongs_to, from = "label_id", to = "id")]
        pub label: BelongsTo<super::label::Entity>,
    }
}

pub mod copy {
    use dotmac_database::prelude::*;

    // A composite key of three, and no key that the library makes.
    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Timestamps, SoftDelete, TenantAware)]
    #[sea_orm(table_name = "copies")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub shelf: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub place: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub book_id: Uuid,
        pub lent: i64,
        #[sea_orm(belongs_to, from = "book_id", to = "id")]
        pub book: BelongsTo<super::book::Entity>,
    }
}

/// Arrays, which only PostgreSQL has.
pub mod survey {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, TenantAware)]
    #[sea_orm(table_name = "surveys")]
    pub struct Model {
        pub answers: Vec<i32>,
        pub words: Option<Vec<String>>,
        pub genres: Vec<super::book::Genre>,
    }
}

/// A row of every type that travels as JSON, with serde's derives on its model.
pub mod bulletin {
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
    #[sea_orm(table_name = "bulletins")]
    pub struct Model {
        #[serde(rename = "headline")]
        pub title: String,
        #[sea_orm(column_name = "body_text")]
        pub body: Option<String>,
        pub big: i64,
        pub ratio: f64,
        pub day: Date,
        pub at: DateTimeUtc,
        pub there: Option<DateTimeWithTimeZone>,
        pub picture: Vec<u8>,
        pub extra: Json,
    }
}
