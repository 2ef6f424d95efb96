//! Prefixes of tables: of an entity, and of the crate that it comes from.

use dotmac_database::migrate::{create_indexes, create_table, create_triggers, install};
use dotmac_database::prelude::*;
use dotmac_database::rls;
use dotmac_database::testing::in_memory;
use dotmac_tests::library::{book, reader, shelf};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use sea_orm_migration::SchemaManager;

use crate::support::{Shop, context, kind, roles};

async fn create<E: TenantAware>(shop: &Shop) {
    let migrator = shop.migrator().await;
    let manager = SchemaManager::new(&migrator);
    create_table::<E>(&manager).await.unwrap();
    create_indexes::<E>(&manager).await.unwrap();
    create_triggers::<E>(&manager).await.unwrap();
    rls::install::<E, _>(&migrator, &roles()).await.unwrap();
}

async fn lend(db: &Database) {
    let found = db
        .write(&context("acme"), async |tx| {
            let shelf = shelf::ActiveModel {
                place: Set("hall".into()),
                ..Default::default()
            }
            .insert(tx)
            .await?;
            let book = book::ActiveModel {
                title: Set("Dune".into()),
                shelf_id: Set(shelf.id),
                ..Default::default()
            };
            book.insert(tx).await?;
            let found = shelf::Entity::find().find_with_related(book::Entity);
            let found = found.all(tx).await?;
            assert_eq!(found[0].1.len(), 1);
            book::Entity::delete_many().exec(tx).await?;
            let loaded = shelf::Entity::load().with(book::Entity).all(tx).await?;
            assert_eq!(loaded[0].books.len(), 0);
            Ok::<_, Error>(found)
        })
        .await
        .unwrap();
    assert_eq!(found[0].1[0].title, "Dune");
}

#[test]
fn own_prefix_wins_over_that_of_the_crate() {
    assert_eq!(shelf::Entity.table_name(), "lib_shelves");
    assert_eq!(book::Entity.table_name(), "Lent_book");
    assert_eq!(reader::Entity.table_name(), "readers");
}

#[test]
fn prefix_of_a_crate_is_for_its_own_entities() {
    assert_eq!(migration::entity::order::Entity.table_name(), "orders");
}

#[tokio::test]
async fn relations_and_soft_delete_work_between_prefixed_tables() {
    let shop = Shop::open().await;
    create::<shelf::Entity>(&shop).await;
    create::<book::Entity>(&shop).await;
    lend(&shop.db).await;

    let db = in_memory().await.unwrap();
    let plain = db.plain();
    let manager = SchemaManager::new(&plain);
    install::<shelf::Entity>(&manager).await.unwrap();
    install::<book::Entity>(&manager).await.unwrap();
    lend(&db).await;
}

#[tokio::test]
async fn whatever_belongs_to_a_table_is_named_after_it_with_its_prefix() {
    const NAMES: &str = "SELECT string_agg(name, ' ' ORDER BY name COLLATE \"C\") AS names FROM ( \
         SELECT indexname::text AS name FROM pg_indexes WHERE tablename = 'Lent_book' \
         UNION SELECT conname FROM pg_constraint \
           WHERE conrelid = '\"Lent_book\"'::regclass AND contype IN ('f', 'u') \
         UNION SELECT tgname FROM pg_trigger \
           WHERE tgrelid = '\"Lent_book\"'::regclass AND NOT tgisinternal) AS names";
    let shop = Shop::open().await;
    create::<shelf::Entity>(&shop).await;
    create::<book::Entity>(&shop).await;
    let admin = shop.admin().await;
    let names = Statement::from_string(DbBackend::Postgres, NAMES);
    let row = admin.query_one_raw(names).await.unwrap().unwrap();
    let names: String = row.try_get("", "names").unwrap();
    assert_eq!(
        names,
        "Lent_book_pkey dotmac_guard_Lent_book dotmac_stamp_Lent_book \
         fk_Lent_book_shelf_id_lib_shelves idx_Lent_book_shelf_id uq_Lent_book_tenant_id_id"
    );
}

#[tokio::test]
async fn tenants_are_held_apart_in_prefixed_tables() {
    let shop = Shop::open().await;
    create::<shelf::Entity>(&shop).await;
    let place = || shelf::ActiveModel {
        place: Set("hall".into()),
        ..Default::default()
    };
    for context in [&shop.a, &shop.b] {
        let inserted = shop.db.write(context, async |tx| place().insert(tx).await);
        inserted.await.unwrap();
    }
    let seen = shop
        .db
        .read(&shop.b, async |tx| shelf::Entity::find().all(tx).await);
    assert_eq!(seen.await.unwrap().len(), 1);
    let forged = format!(
        "INSERT INTO lib_shelves (id, tenant_id, place) VALUES ('{}', 'acme', 'cellar')",
        Uuid::now_v7(),
    );
    let refused = shop
        .db
        .write(&shop.b, async |tx| tx.execute_unprepared(&forged).await);
    assert_eq!(kind(refused.await), ErrorKind::ForeignTenant);
}
