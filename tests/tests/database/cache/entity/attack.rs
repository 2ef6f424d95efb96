//! What the cache holds for one tenant, nobody else gets, whatever policies say.

use dotmac_database::cache::CacheClient;
use dotmac_database::prelude::*;
use dotmac_database::{SearchPath, Tenancy};
use sea_orm::ConnectionTrait;

use super::bed::{Process, cache, insert_page, shop};
use super::table::{currency, page};
use crate::cache::server::{ThrowawayRedis, until};
use crate::support::kind;

#[tokio::test(flavor = "multi_thread")]
async fn i10_cached_row_is_not_found_by_another_tenant() {
    let (shop, redis) = (shop().await, ThrowawayRedis::start());
    for process in Process::both(&shop.db, &redis).await {
        let slug = Uuid::now_v7().to_string();
        let page = insert_page(&shop.db, &shop.a, &slug).await;
        // The one who may not asks first, and then the one who may.
        assert_eq!(process.title(&shop.b, page.id).await, None);
        assert_eq!(
            process.title(&shop.a, page.id).await.as_deref(),
            Some("old")
        );
        for _ in 0..2 {
            assert_eq!(process.title(&shop.b, page.id).await, None);
            let ids = [page.id];
            let many = page::Entity::cached_by_ids(&shop.b, &process.pages, ids).await;
            assert!(many.unwrap().is_empty());
            let tx = shop.db.begin(&shop.b).unwrap();
            let found = page::Entity::cached_by_id(&tx, &process.pages, page.id).await;
            assert_eq!(found.unwrap(), None);
        }
        // B's session can name A's row; it changes nothing, and A's entry stays.
        let update = shop.db.write(&shop.b, async |tx| {
            page::Entity::update_many()
                .col_expr(page::Column::Title, sea_orm::sea_query::Expr::val("stolen"))
                .filter(page::Column::Id.eq(page.id))
                .exec(tx)
                .await
        });
        assert_eq!(update.await.unwrap().rows_affected, 0);
        assert_eq!(
            process.look(&shop.a, page.id).await,
            (Some("old".to_owned()), false)
        );
    }
}

/// A policy of the team's own shows a row to one user only: what is cached for the tenant, all its users
/// get, so it is not cached.
#[tokio::test(flavor = "multi_thread")]
async fn i10_row_that_a_policy_shows_to_one_user_is_served_to_none() {
    let (shop, redis) = (shop().await, ThrowawayRedis::start());
    let policy = "CREATE POLICY mine ON cached_pages AS RESTRICTIVE TO PUBLIC USING \
                  (created_by = (select nullif(current_setting('app.current_user_id', true), '')))";
    let page = insert_page(&shop.db, &shop.a, "p").await;
    shop.admin().await.execute_unprepared(policy).await.unwrap();
    let other = shop.a.clone().user("mallory").unwrap();
    let plain = shop.db.read(&shop.a, async |tx| {
        page::Entity::find_by_id(page.id).one(tx).await
    });
    assert!(plain.await.unwrap().is_some(), "its user sees it");
    for process in Process::both(&shop.db, &redis).await {
        assert_eq!(process.title(&shop.a, page.id).await, None);
        until(|| process.client.is_idle()).await;
        assert_eq!(process.title(&other, page.id).await, None);
        // Nor is it filled by a session that has read it.
        let tx = shop.db.begin(&shop.a).unwrap();
        page::Entity::find().all(&tx).await.unwrap();
        let _ = page::Entity::cached_by_id(&tx, &process.pages, page.id).await;
        until(|| process.client.is_idle()).await;
        assert_eq!(process.title(&other, page.id).await, None);
    }
}

/// Where tenants have schemas, a table of no tenant is another one in each.
#[tokio::test(flavor = "multi_thread")]
async fn i10_rows_of_one_schema_are_not_served_to_another() {
    let (shop, redis) = (shop().await, ThrowawayRedis::start());
    let admin = shop.admin().await;
    for tenant in ["acme", "beta"] {
        let sql = format!(
            "CREATE SCHEMA tenant_{tenant}; GRANT USAGE ON SCHEMA tenant_{tenant} TO PUBLIC; \
             CREATE TABLE tenant_{tenant}.cached_currencies (LIKE public.cached_currencies); \
             INSERT INTO tenant_{tenant}.cached_currencies VALUES ('EUR', 'of {tenant}'); \
             GRANT SELECT, UPDATE ON tenant_{tenant}.cached_currencies TO PUBLIC"
        );
        admin.execute_unprepared(&sql).await.unwrap();
    }
    let db = shop
        .db
        .with_tenancy(Tenancy::Schemas(SearchPath::tenant()))
        .unwrap();
    for client in [CacheClient::in_process(), redis.client().await] {
        let process = Process::of(client, &db);
        let currencies = cache::<currency::Entity>(&process.following);
        let name = async |context: &RequestContext| {
            let found = currency::Entity::cached_by_id(context, &currencies, "EUR").await;
            found.unwrap().unwrap().name.clone()
        };
        let before = name(&shop.a).await;
        assert!(before.starts_with("of acme"));
        assert_eq!(name(&shop.b).await, "of beta");
        // Another handle on the same pool, whose sessions look in the schema that is shared.
        let tx = shop.db.begin(&shop.a).unwrap();
        let found = currency::Entity::cached_by_id(&tx, &currencies, "EUR").await;
        assert_eq!(found.unwrap(), None);
        let nobody = RequestContext::without_tenant();
        let found = currency::Entity::cached_by_id(&nobody, &currencies, "EUR").await;
        assert_eq!(kind(found), ErrorKind::MissingTenant);
        let changed = format!("of acme {}", Uuid::now_v7());
        db.write(&shop.a, async |tx| {
            let sql = format!("UPDATE cached_currencies SET name = '{changed}'");
            tx.execute_unprepared(&sql).await
        })
        .await
        .unwrap();
        assert_eq!(name(&shop.a).await, changed);
        assert_eq!(name(&shop.b).await, "of beta");
    }
}
