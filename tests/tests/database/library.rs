//! A library of shelves and books: versioned entities with unique keys, on PostgreSQL and SQLite.

use dotmac_database::migrate::{create_indexes, create_table, create_triggers};
use dotmac_database::prelude::*;
use dotmac_database::testing::in_memory;
use sea_orm_migration::SchemaManager;

use crate::support::{Shop, context, roles};

pub mod shelf {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, TenantAware, Versioned)]
    #[sea_orm(table_name = "shelves")]
    pub struct Model {
        #[dotmac(unique)]
        pub name: String,
        #[sea_orm(has_many)]
        pub books: HasMany<super::book::Entity>,
    }
}

pub mod book {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(
        Clone,
        Debug,
        PartialEq,
        DeriveEntityModel,
        BaseModel,
        SoftDelete,
        Audited,
        TenantAware,
        Versioned,
    )]
    #[sea_orm(table_name = "books")]
    #[dotmac(version = "edition")]
    pub struct Model {
        #[dotmac(unique)]
        pub isbn: String,
        #[dotmac(unique = "place")]
        pub shelf_id: Option<Uuid>,
        #[dotmac(unique = "place")]
        pub place: i32,
        pub title: String,
        #[sea_orm(belongs_to, from = "shelf_id", to = "id")]
        pub shelf: BelongsTo<Option<super::shelf::Entity>>,
    }
}

/// A database with the library's tables, and two tenants.
pub struct Library {
    pub db: Database,
    pub a: RequestContext,
    pub b: RequestContext,
}

impl Library {
    pub async fn on_postgres() -> Self {
        let Shop { name, db, a, b } = Shop::open().await;
        let url = crate::support::server().url(&roles().migrator, crate::support::PASSWORD, &name);
        let migrator = sea_orm::Database::connect(url).await.unwrap();
        let manager = SchemaManager::new(&migrator);
        create::<shelf::Entity>(&manager).await;
        create::<book::Entity>(&manager).await;
        protect::<shelf::Entity>(&manager).await;
        protect::<book::Entity>(&manager).await;
        Library { db, a, b }
    }

    pub async fn on_sqlite() -> Self {
        let db = in_memory().await.unwrap();
        let plain = db.plain();
        let manager = SchemaManager::new(&plain);
        create::<shelf::Entity>(&manager).await;
        create::<book::Entity>(&manager).await;
        Library {
            db,
            a: context("acme"),
            b: context("beta"),
        }
    }

    pub async fn on_both() -> [Self; 2] {
        [Self::on_postgres().await, Self::on_sqlite().await]
    }

    /// A book of tenant A, as it was read.
    pub async fn book(&self, isbn: &str) -> book::Model {
        let written = self
            .db
            .write(&self.a, async |tx| new_book(isbn).insert(tx).await);
        written.await.unwrap()
    }

    /// Somebody else gives the book another title.
    pub async fn retitle(&self, book: &book::Model, title: &str) -> book::Model {
        let mut changed = book.clone().into_active_model();
        changed.title = Set(title.to_owned());
        let written = self.db.write(&self.a, async |tx| changed.update(tx).await);
        written.await.unwrap()
    }
}

pub fn new_book(isbn: &str) -> book::ActiveModel {
    book::ActiveModel {
        isbn: Set(isbn.to_owned()),
        place: Set(1),
        title: Set("Untitled".to_owned()),
        ..Default::default()
    }
}

async fn create<E: EntityTrait>(manager: &SchemaManager<'_>) {
    create_table::<E>(manager).await.unwrap();
    create_indexes::<E>(manager).await.unwrap();
    create_triggers::<E>(manager).await.unwrap();
}

async fn protect<E: TenantAware>(manager: &SchemaManager<'_>) {
    let db = manager.get_connection();
    dotmac_database::rls::install::<E, _>(db, &roles())
        .await
        .unwrap();
}
