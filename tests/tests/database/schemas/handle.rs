//! Handles on one database: rows and schemas side by side, retries, replicas, the system.

use std::time::Duration;

use dotmac_database::prelude::*;
use dotmac_database::rls::Login;
use dotmac_database::{ReplicaState, SearchPath, Tenancy};
use migration::entity::order;
use sea_orm::{ConnectionTrait, IsolationLevel, PaginatorTrait};

use super::kit::{OWN, PUBLIC, by_admin, estate, insert_order, numbers, text};
use crate::cluster::{Cluster, port, primary, until_state};
use crate::support::{A, B, PASSWORD, config, kind, roles, server};

#[tokio::test]
async fn handles_on_one_pool_find_rows_each_in_its_way() {
    let shop = estate(1).await;
    let rows = shop.db.with_tenancy(Tenancy::Rows).unwrap();
    for _ in 0..3 {
        for (db, expected) in [(&shop.db, OWN), (&rows, PUBLIC)] {
            for context in [&shop.a, &shop.b] {
                let read = db.read(context, async |tx| numbers(tx).await).await;
                assert_eq!(read.unwrap(), [expected]);
            }
        }
    }
    assert_eq!(*rows.tenancy(), Tenancy::Rows);
    rows.check().await.unwrap();
    assert_eq!(rows.statistics().pool.max, 1);
}

#[tokio::test]
async fn every_way_into_a_session_has_the_path() {
    let shop = estate(1).await;
    let options = SessionOptions::isolation(IsolationLevel::RepeatableRead);
    let session = shop.db.begin_with(&shop.a, options).unwrap();
    insert_order(&session, "with options").await.unwrap();
    session.commit().await.unwrap();
    let retried = shop.db.retrying(RetryPolicy::default());
    let retried = retried.write(&shop.a, async |tx| insert_order(tx, "retried").await);
    retried.await.unwrap();
    let read = shop.db.read(&shop.a, async |tx| numbers(tx).await).await;
    assert_eq!(read.unwrap(), [OWN, "retried", "with options"]);
    let rows = shop.db.with_tenancy(Tenancy::Rows).unwrap();
    let public = rows.read(&shop.a, async |tx| numbers(tx).await).await;
    assert_eq!(public.unwrap(), [PUBLIC]);
}

#[tokio::test]
async fn system_session_works_in_the_schema_that_it_is_given() {
    let shop = estate(1).await;
    let url = server().url(roles().login(Login::System), PASSWORD, &shop.name);
    let program = config(&shop.name).system_url(&url).unwrap();
    let db = Database::connect(program.schemas(SearchPath::tenant()))
        .await
        .unwrap();
    let system = || db.system("monthly close").unwrap();
    // Without a schema it finds no table of a tenant, in `public` neither.
    let count = async |tx: &Session| order::Entity::find().count(tx).await;
    let nowhere = system().read(count).await.unwrap_err().to_string();
    assert!(nowhere.contains("\"orders\" does not exist"), "{nowhere}");
    for tenant in [A, B] {
        let tenant = TenantId::parse(tenant).unwrap();
        let system = system().in_schema_of(&tenant).unwrap();
        let system = system.on_behalf_of(&shop.a);
        let found = system.read(async |tx| {
            assert_eq!(tx.context().tenant_id(), None);
            order::Entity::find().all(tx).await
        });
        let found = found.await.unwrap();
        assert_eq!((found.len(), &found[0].tenant_id), (1, &tenant.to_string()));
    }
    let gone = TenantId::parse("gamma").unwrap();
    let gone = system().in_schema_of(&gone).unwrap().read(count).await;
    assert_eq!(kind(gone), ErrorKind::Tenancy);
    let twin = TenantId::parse("Acme").unwrap();
    assert_eq!(
        kind(system().in_schema_of(&twin)),
        ErrorKind::InvalidContext
    );
    let rows = db.with_tenancy(Tenancy::Rows).unwrap();
    let acme = TenantId::parse(A).unwrap();
    let refused = rows.system("monthly close").unwrap().in_schema_of(&acme);
    assert_eq!(kind(refused), ErrorKind::Config);
}

#[tokio::test]
async fn i38_read_session_on_a_replica_has_the_path() {
    let cluster = Cluster::open().await;
    let replica = Cluster::shared_replica().await;
    let url = primary().url("postgres", primary().password(), &cluster.name);
    let admin = sea_orm::Database::connect(url).await.unwrap();
    for tenant in [A, B] {
        let sql = format!(
            "CREATE SCHEMA tenant_{tenant}; GRANT USAGE ON SCHEMA tenant_{tenant} TO shop_app; \
             CREATE TABLE tenant_{tenant}.remarks AS SELECT '{tenant}' AS body; \
             GRANT SELECT ON tenant_{tenant}.remarks TO shop_app"
        );
        admin.execute_unprepared(&sql).await.unwrap();
    }
    admin.close().await.unwrap();
    let config = cluster.config().replica(&cluster.on(replica)).unwrap();
    let config = config.schemas(SearchPath::tenant());
    let db = Database::connect(config.replica_max_lag(Duration::from_secs(600)))
        .await
        .unwrap();
    until_state(&db, ReplicaState::Fit).await;
    for context in [&cluster.a, &cluster.b, &cluster.a] {
        let read = async || {
            let read = db.read(context, async |tx| {
                let body = text(tx, "SELECT body FROM remarks").await?;
                Ok::<_, DbErr>((body, port(tx).await?))
            });
            read.await.unwrap()
        };
        let tenant = context.tenant_id().unwrap().to_string();
        // Until the replica has replayed the schema, the primary stands in.
        let on_replica = async {
            loop {
                let (body, port) = read().await;
                assert_eq!(body, tenant);
                if port == replica.port() {
                    return;
                }
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), on_replica).await;
        waited.expect("the replica serves");
    }
}

#[tokio::test]
async fn health_is_asked_without_a_schema() {
    let shop = estate(1).await;
    by_admin(&shop, "DROP SCHEMA tenant_acme CASCADE").await;
    let health = shop
        .db
        .health_with(async |tx| {
            // Where the role looks by itself.
            assert_eq!(text(tx, "SELECT current_schema()::text").await?, "public");
            Ok(Vec::new())
        })
        .await;
    assert!(health.is_ready(), "{health:?}");
}
