//! One client follows tenants wherever they are: in shared tables, in schemas, in databases of their own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use dotmac_database::cache::CacheClient;
use dotmac_database::migrate;
use dotmac_database::prelude::*;
use dotmac_database::rls::{self, Login};
use dotmac_database::tenancy::{DatabaseLimits, Databases, Placement, Tenants};
use dotmac_database::{SchemaName, SearchPath, Tenancy};
use sea_orm::{ConnectOptions, ConnectionTrait};
use sea_orm_migration::SchemaManager;

use super::bed::{Process, Shop, cache, new_page, shop, title_all};
use super::table::{currency, page};
use crate::cache::server::{ThrowawayRedis, until};
use crate::support::{A, B, context, kind};

/// Where each tenant is.
type Places = Arc<Mutex<BTreeMap<&'static str, Placement>>>;

/// The tenants of a shared database, and of others by these names.
struct Estate {
    shop: Shop,
    others: [Shop; 2],
    places: Places,
}

impl Estate {
    async fn open(placed: [(&'static str, Placement); 2]) -> Self {
        Estate {
            shop: shop().await,
            others: [shop().await, shop().await],
            places: Arc::new(Mutex::new(placed.into())),
        }
    }

    /// They as a process of its own finds them.
    fn tenants(&self, db: &Database, limits: DatabaseLimits) -> Tenants {
        let places = Arc::clone(&self.places);
        let placements = move |tenant: TenantId| {
            let found = places.lock().unwrap().get(tenant.as_str()).cloned();
            async move { Ok(found) }
        };
        let [one, two] = &self.others;
        let urls = [one.url(Login::Application), two.url(Login::Application)];
        let databases = Databases::with_limits(limits, move |name| {
            let url = &urls[usize::from(name.as_str() == "two")];
            Ok(DatabaseConfig::new(url)?.pool_size(2).max_overflow(0))
        });
        Tenants::new(db.clone(), placements).databases(databases)
    }

    /// The table of pages in a schema of the tenant.
    async fn schema(&self, tenant: &str) {
        let schema = SchemaName::of(&TenantId::parse(tenant).unwrap()).unwrap();
        let roles = self.shop.roles();
        let sql = format!(
            "CREATE SCHEMA {schema} AUTHORIZATION {}; GRANT USAGE ON SCHEMA {schema} TO {}; \
             CREATE TABLE {schema}.cached_currencies (LIKE public.cached_currencies); \
             GRANT SELECT, INSERT, UPDATE ON {schema}.cached_currencies TO {0}, {1}",
            roles.owner, roles.application,
        );
        let admin = self.shop.admin().await;
        admin.execute_unprepared(&sql).await.unwrap();
        let mut options = ConnectOptions::new(self.shop.url(Login::Migrator));
        options
            .max_connections(1)
            .set_schema_search_path(schema.as_str());
        let migrator = sea_orm::Database::connect(options).await.unwrap();
        let manager = SchemaManager::new(&migrator);
        migrate::create_table::<page::Entity>(&manager)
            .await
            .unwrap();
        migrate::create_keys::<page::Entity>(&manager)
            .await
            .unwrap();
        migrate::create_triggers::<page::Entity>(&manager)
            .await
            .unwrap();
        rls::install::<page::Entity, _>(&migrator, roles)
            .await
            .unwrap();
    }
}

fn database(name: &str) -> Placement {
    Placement::Database(name.parse().unwrap())
}

fn process(client: CacheClient, tenants: &Tenants) -> Process {
    let following = client.follow(tenants).unwrap();
    Process::following(client, following)
}

async fn insert(tenants: &Tenants, context: &RequestContext, id: Uuid, title: &str) {
    let page = page::ActiveModel {
        id: Set(id),
        title: Set(title.to_owned()),
        ..new_page(&id.to_string())
    };
    let inserted = tenants.write(context, async |tx| page.insert(tx).await);
    inserted.await.unwrap();
}

async fn rename(tenants: &Tenants, context: &RequestContext, title: &str) {
    tenants
        .write(context, async |tx| {
            title_all(tx, title).await;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

/// Both tenants have a page with the same id, which is another one.
async fn assert_apart(estate: &Estate) {
    let (acme, beta) = (context(A), context(B));
    let redis = ThrowawayRedis::start();
    for client in [CacheClient::in_process(), redis.client().await] {
        let tenants = estate.tenants(&estate.shop.db, DatabaseLimits::default());
        let here = process(client, &tenants);
        let id = Uuid::now_v7();
        insert(&tenants, &acme, id, "of acme").await;
        assert_eq!(here.title(&beta, id).await, None, "it is acme's");
        insert(&tenants, &beta, id, "of beta").await;
        for (context, title) in [(&acme, "of acme"), (&beta, "of beta")] {
            assert_eq!(here.look(context, id).await, (Some(title.into()), true));
            assert_eq!(here.look(context, id).await, (Some(title.into()), false));
            // A session of the tenant finds what is cached, without a connection.
            let tx = tenants.begin(context).await.unwrap();
            let found = page::Entity::cached_by_id(&tx, &here.pages, id).await;
            assert_eq!(found.unwrap().unwrap().title, title);
        }
        rename(&tenants, &acme, "changed").await;
        assert_eq!(here.look(&beta, id).await, (Some("of beta".into()), false));
        assert_eq!(here.look(&acme, id).await, (Some("changed".into()), true));
        let undone = tenants.begin(&beta).await.unwrap();
        title_all(&undone, "never").await;
        undone.rollback().await.unwrap();
        assert_eq!(here.look(&beta, id).await, (Some("of beta".into()), false));
        let nobody = RequestContext::without_tenant();
        let found = page::Entity::cached_by_id(&nobody, &here.pages, id).await;
        assert_eq!(kind(found), ErrorKind::MissingTenant);
        let found = page::Entity::cached_by_id(&context("delta"), &here.pages, id).await;
        assert_eq!(kind(found), ErrorKind::Tenancy, "placed nowhere");
        rename(&tenants, &acme, "of acme").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i10_rows_of_tenants_with_databases_of_their_own_are_followed_and_never_mixed() {
    assert_apart(&Estate::open([(A, database("one")), (B, database("two"))]).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i10_rows_of_tenants_with_schemas_are_followed_and_never_mixed() {
    let estate = Estate::open([(A, Placement::Schema), (B, Placement::Schema)]).await;
    estate.schema(A).await;
    estate.schema(B).await;
    assert_apart(&estate).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i10_rows_of_a_tenant_with_a_schema_and_of_one_with_a_database_are_never_mixed() {
    let estate = Estate::open([(A, Placement::Schema), (B, database("one"))]).await;
    estate.schema(A).await;
    assert_apart(&estate).await;
}

/// What is cached is found while the database is closed, and whoever opens it again is followed too.
#[tokio::test(flavor = "multi_thread")]
async fn database_that_was_closed_in_between_is_followed_all_the_same() {
    let estate = Estate::open([(A, database("one")), (B, database("two"))]).await;
    let redis = ThrowawayRedis::start();
    let (acme, beta) = (context(A), context(B));
    let one_at_a_time = DatabaseLimits::default().max_open(1);
    let tenants = estate.tenants(&estate.shop.db, one_at_a_time);
    let here = process(redis.client().await, &tenants);
    let elsewhere = estate.tenants(&estate.shop.db, one_at_a_time);
    let there = process(redis.client().await, &elsewhere);
    let id = Uuid::now_v7();
    insert(&tenants, &acme, id, "old").await;
    insert(&tenants, &beta, id, "of beta").await;
    for process in [&here, &there] {
        assert_eq!(process.title(&acme, id).await.as_deref(), Some("old"));
        assert_eq!(process.title(&beta, id).await.as_deref(), Some("of beta"));
        until(|| process.client.is_idle()).await;
    }
    let connected = |tenants: &Tenants| format!("{tenants:?}");
    let before = connected(&tenants);
    assert_eq!(here.look(&acme, id).await, (Some("old".into()), false));
    assert_eq!(connected(&tenants), before, "nothing was connected for it");
    rename(&tenants, &acme, "new").await;
    assert_eq!(here.title(&acme, id).await.as_deref(), Some("new"));
    super::bed::until_titled(&there, &acme, id, Some("new")).await;
    assert_eq!(there.look(&beta, id).await, (Some("of beta".into()), false));
}

/// Rows that belong to no tenant are one entry for all who share the table, and another one elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn rows_of_no_tenant_are_shared_by_those_who_share_the_table() {
    let estate = Estate::open([(A, Placement::Rows), (B, database("one"))]).await;
    let redis = ThrowawayRedis::start();
    let (acme, beta) = (context(A), context(B));
    for (shop, name) in [(&estate.shop, "shared"), (&estate.others[0], "of beta")] {
        let sql = format!("INSERT INTO cached_currencies VALUES ('EUR', '{name}')");
        let admin = shop.admin().await;
        admin.execute_unprepared(&sql).await.unwrap();
    }
    for client in [CacheClient::in_process(), redis.client().await] {
        let tenants = estate.tenants(&estate.shop.db, DatabaseLimits::default());
        let here = process(client, &tenants);
        let currencies = cache::<currency::Entity>(&here.following);
        let name = async |context: &RequestContext| {
            let found = currency::Entity::cached_by_id(context, &currencies, "EUR").await;
            found.unwrap().unwrap().name.clone()
        };
        let nobody = RequestContext::without_tenant();
        assert_eq!(name(&acme).await, "shared");
        assert_eq!(name(&nobody).await, "shared");
        assert_eq!(currencies.statistics().loads, 1, "one entry for all");
        assert_eq!(name(&beta).await, "of beta");
    }
}

/// The shared database has schemas, and some tenants have their rows in its shared tables.
#[tokio::test(flavor = "multi_thread")]
async fn rows_of_no_tenant_are_found_where_the_tenant_finds_them() {
    let estate = Estate::open([(A, Placement::Schema), (B, Placement::Rows)]).await;
    estate.schema(A).await;
    let sql = "INSERT INTO public.cached_currencies VALUES ('EUR', 'public'); \
               INSERT INTO tenant_acme.cached_currencies VALUES ('EUR', 'of acme')";
    let admin = estate.shop.admin().await;
    admin.execute_unprepared(sql).await.unwrap();
    let schemas = Tenancy::Schemas(SearchPath::tenant());
    let db = estate.shop.db.with_tenancy(schemas).unwrap();
    for db in [&db, &estate.shop.db] {
        let tenants = estate.tenants(db, DatabaseLimits::default());
        let here = process(CacheClient::in_process(), &tenants);
        let currencies = cache::<currency::Entity>(&here.following);
        for _ in 0..2 {
            for (tenant, expected) in [(B, "public"), (A, "of acme")] {
                let found =
                    currency::Entity::cached_by_id(&context(tenant), &currencies, "EUR").await;
                assert_eq!(found.unwrap().unwrap().name, expected);
            }
        }
    }
}

/// What was cached at the old place is not found at the new one.
#[tokio::test(flavor = "multi_thread")]
async fn tenant_that_was_moved_is_read_at_its_new_place() {
    let estate = Estate::open([(A, database("one")), (B, database("one"))]).await;
    let redis = ThrowawayRedis::start();
    let acme = context(A);
    let tenants = estate.tenants(&estate.shop.db, DatabaseLimits::default());
    let here = process(redis.client().await, &tenants);
    let id = Uuid::now_v7();
    insert(&tenants, &acme, id, "before the move").await;
    here.look(&acme, id).await;
    estate.places.lock().unwrap().insert(A, database("two"));
    assert_eq!(here.look(&acme, id).await, (None, true));
    insert(&tenants, &acme, id, "after the move").await;
    assert_eq!(
        here.look(&acme, id).await,
        (Some("after the move".into()), true)
    );
}
