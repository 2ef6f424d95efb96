//! I50, I51, I52: a schema or a table that is not there is an error, and never somebody else's.

use dotmac_database::prelude::*;
use dotmac_database::testing::in_memory;
use dotmac_database::{SearchPath, Tenancy, TenancyError};
use migration::entity::order;
use sea_orm::{ConnectionTrait, PaginatorTrait};

use super::kit::{OWN, PUBLIC, by_admin, estate, insert_order, numbers, schema, text, with_path};
use crate::support::{A, Shop, config, context, kind};

/// The schema that an error says is not there.
#[track_caller]
fn unknown<T: std::fmt::Debug, E: Into<Error>>(result: Result<T, E>) -> String {
    match result.map_err(Into::into) {
        Err(Error::Tenancy(TenancyError::UnknownSchema { schema })) => schema,
        other => panic!("{other:?}"),
    }
}

/// What the database says, where it is not typed.
#[track_caller]
fn said<T: std::fmt::Debug>(result: Result<T, DbErr>) -> String {
    result.expect_err("refused").to_string()
}

async fn orders_in_public(shop: &Shop) -> String {
    text(
        &shop.admin().await,
        "SELECT count(*)::text FROM public.orders",
    )
    .await
    .unwrap()
}

#[tokio::test]
async fn session_works_in_the_schema_of_its_tenant() {
    let shop = estate(1).await;
    for context in [&shop.a, &shop.b] {
        let path = "SELECT current_schemas(true)::text";
        let read = shop.db.read(context, async |tx| {
            assert_eq!(numbers(tx).await?, [OWN]);
            text(tx, path).await
        });
        let tenant = context.tenant_id().unwrap();
        assert_eq!(
            read.await.unwrap(),
            format!("{{pg_catalog,tenant_{tenant}}}")
        );
    }
    let after = text(&shop.db.plain(), "SELECT current_setting('search_path')").await;
    assert_eq!(after.unwrap(), "\"$user\", public");
}

#[tokio::test]
async fn i50_tenant_whose_id_looks_like_anothers_schema_stays_apart() {
    let shop = estate(1).await;
    for tenant in ["tenant_acme", "acme-1", "public", "acm", "acmee", "0", "_"] {
        let twin = context(tenant);
        let read = shop.db.read(&twin, async |tx| numbers(tx).await);
        assert_eq!(unknown(read.await), format!("tenant_{tenant}"));
    }
    for tenant in ["ACME", "Acme", "acme.1"] {
        let refused = shop.db.begin(&context(tenant));
        assert_eq!(kind(refused), ErrorKind::InvalidContext, "{tenant}");
    }
    for tenant in ["acme\",\"tenant_beta", "acme, tenant_beta", "acme;--"] {
        assert!(RequestContext::tenant(tenant).is_err(), "{tenant}");
    }
}

#[tokio::test]
async fn i51_table_that_the_schema_lacks_is_an_error_and_never_that_of_public() {
    let shop = estate(1).await;
    by_admin(&shop, "DROP TABLE tenant_acme.orders CASCADE").await;
    let before = orders_in_public(&shop).await;
    let read = shop.db.read(&shop.a, async |tx| numbers(tx).await).await;
    assert!(said(read).contains("\"orders\" does not exist"));
    let write = shop
        .db
        .write(&shop.a, async |tx| insert_order(tx, "new").await);
    assert!(said(write.await).contains("\"orders\" does not exist"));
    let raw = shop.db.write(&shop.a, async |tx| {
        tx.execute_unprepared("UPDATE orders SET total_cents = 0")
            .await
    });
    assert!(said(raw.await.map(drop)).contains("\"orders\" does not exist"));
    assert_eq!(orders_in_public(&shop).await, before);
    let other = shop.db.read(&shop.b, async |tx| numbers(tx).await);
    assert_eq!(other.await.unwrap(), [OWN]);
}

#[tokio::test]
async fn i51_public_is_reached_by_wish_only_and_there_policies_hold() {
    let shop = estate(1).await;
    let db = with_path(&shop, SearchPath::tenant().and_public());
    let read = async || db.read(&shop.a, async |tx| numbers(tx).await).await;
    assert_eq!(read().await.unwrap(), [OWN]);
    by_admin(&shop, "DROP TABLE tenant_acme.orders CASCADE").await;
    // The tenant's own row among those of all.
    assert_eq!(read().await.unwrap(), [PUBLIC]);
}

#[tokio::test]
async fn i52_schema_that_does_not_exist_is_an_error_of_the_first_statement() {
    let shop = estate(1).await;
    let gone = context("gamma");
    let session = shop.db.begin(&gone).unwrap();
    let first = session.execute_unprepared("SELECT 1").await.map(drop);
    let error = Error::from(first.unwrap_err());
    assert!(
        error
            .to_string()
            .starts_with("schema \"tenant_gamma\" does not exist"),
        "{error}"
    );
    assert_eq!(error.kind(), ErrorKind::Tenancy);
    assert!(!error.is_retryable());
    // Nothing more runs in it.
    let second = session.execute_unprepared("SELECT 1").await.map(drop);
    assert_eq!(kind(second), ErrorKind::ConnectionLost);
    assert!(session.commit().await.is_err());
    let other = shop.db.read(&shop.a, async |tx| numbers(tx).await);
    assert_eq!(other.await.unwrap(), [OWN]);
}

#[tokio::test]
async fn i52_nothing_runs_where_the_schema_does_not_exist() {
    let shop = estate(1).await;
    // In `public`, which is in the path, and would take it.
    let db = with_path(&shop, SearchPath::tenant().and_public());
    let before = orders_in_public(&shop).await;
    let gone = context("gamma");
    let write = db.write(&gone, async |tx| insert_order(tx, "new").await);
    assert_eq!(unknown(write.await), "tenant_gamma");
    assert_eq!(orders_in_public(&shop).await, before);
}

#[tokio::test]
async fn i52_schema_that_the_role_may_not_use_is_an_error() {
    let shop = estate(1).await;
    by_admin(&shop, "REVOKE USAGE ON SCHEMA tenant_acme FROM shop_app").await;
    let db = with_path(&shop, SearchPath::tenant().and_public());
    for db in [&shop.db, &db] {
        let read = db.read(&shop.a, async |tx| numbers(tx).await);
        assert_eq!(unknown(read.await), "tenant_acme");
        let other = db.read(&shop.b, async |tx| numbers(tx).await);
        assert_eq!(other.await.unwrap(), [OWN]);
    }
}

#[tokio::test]
async fn i52_additional_schema_that_does_not_exist_is_an_error_at_connect_and_in_sessions() {
    let shop = estate(1).await;
    let path = || SearchPath::tenant().and(schema("nowhere"));
    let read = with_path(&shop, path());
    let read = read.read(&shop.a, async |tx| numbers(tx).await);
    assert_eq!(unknown(read.await), "nowhere");
    let connect = Database::connect(config(&shop.name).schemas(path())).await;
    assert_eq!(unknown(connect), "nowhere");
    by_admin(&shop, "CREATE SCHEMA nowhere").await;
    let connect = Database::connect(config(&shop.name).schemas(path())).await;
    assert_eq!(unknown(connect), "nowhere", "without USAGE");
    by_admin(&shop, "GRANT USAGE ON SCHEMA nowhere TO shop_app").await;
    let db = Database::connect(config(&shop.name).schemas(path())).await;
    let read = db
        .unwrap()
        .read(&shop.a, async |tx| numbers(tx).await)
        .await;
    assert_eq!(read.unwrap(), [OWN]);
}

#[tokio::test]
async fn context_without_a_tenant_has_the_additional_schemas_only() {
    let shop = estate(1).await;
    let none = RequestContext::without_tenant();
    let count = "SELECT count(*)::text FROM products";
    let hidden = shop.db.read(&none, async |tx| text(tx, count).await).await;
    assert!(said(hidden).contains("\"products\" does not exist"));
    let db = with_path(&shop, SearchPath::tenant().and_public());
    let seen = db.read(&none, async |tx| text(tx, count).await).await;
    assert_eq!(seen.unwrap(), "0");
    let rows = db.read(&none, async |tx| order::Entity::find().count(tx).await);
    assert_eq!(kind(rows.await), ErrorKind::MissingTenant);
}

#[tokio::test]
async fn schema_of_one_tenant_is_refused_for_all() {
    let shop = estate(1).await;
    let path = || SearchPath::tenant().and(schema("tenant_acme"));
    let connect = Database::connect(config(&shop.name).schemas(path())).await;
    assert_eq!(kind(connect), ErrorKind::Config);
    let handle = shop.db.with_tenancy(Tenancy::Schemas(path()));
    assert_eq!(kind(handle), ErrorKind::Config);
}

#[tokio::test]
async fn sqlite_has_no_schemas() {
    let config = DatabaseConfig::new("sqlite::memory:").unwrap();
    let connect = Database::connect(config.schemas(SearchPath::tenant())).await;
    assert_eq!(kind(connect), ErrorKind::Unsupported);
    let db = in_memory().await.unwrap();
    let handle = db.with_tenancy(Tenancy::Schemas(SearchPath::tenant()));
    assert_eq!(kind(handle), ErrorKind::Unsupported);
    let rows = db.with_tenancy(Tenancy::Rows).unwrap();
    rows.read(&context(A), async |tx| {
        tx.execute_unprepared("SELECT 1").await
    })
    .await
    .unwrap();
}
