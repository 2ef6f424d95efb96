//! The program around the routes: health, demo data, and the end.

use dotmac_database::lock::Locks;
use dotmac_database::prelude::*;
use dotmac_database::testing::in_memory;
use dotmac_examples::shop::demo;
use migration::Migrator;
use migration::entity::{order, tenant};
use reqwest::Client;
use sea_orm::ConnectionTrait;
use sea_orm_migration::MigratorTrait;
use serde_json::Value;
use tokio::sync::oneshot;

use super::site::{LONG, Site, lock_orders, numbers, serve, waiting};
use crate::support::{A, B, Shop};
use crate::web::Framework;

#[tokio::test]
async fn site_is_ready_while_its_migrations_are_current_and_its_tables_protected() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        let check = async |path: &str| {
            let answer = Client::new().get(format!("{}{path}", site.url));
            let answer = answer.send().await.unwrap();
            let status = answer.status().as_u16();
            (status, answer.text().await.unwrap())
        };
        assert_eq!(check("/health/live").await.0, 200, "{framework:?}");
        let (status, body) = check("/health/ready").await;
        assert_eq!(status, 200, "{framework:?}: {body}");
        let admin = site.shop.admin().await;
        for (harm, cure) in [
            (
                "ALTER TABLE orders DISABLE ROW LEVEL SECURITY",
                "ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
            ),
            (
                "DELETE FROM seaql_migrations WHERE version LIKE '%_shop'",
                "INSERT INTO seaql_migrations VALUES ('m20260101_000002_shop', 0)",
            ),
        ] {
            admin.execute_unprepared(harm).await.unwrap();
            let (status, body) = check("/health/ready").await;
            let body: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(status, 503, "{framework:?} {harm}: {body}");
            assert_eq!(body["ready"], false, "{framework:?}");
            assert_eq!(check("/health/live").await.0, 200, "{framework:?}");
            admin.execute_unprepared(cure).await.unwrap();
            assert_eq!(check("/health/ready").await.0, 200, "{framework:?} {cure}");
        }
    }
}

#[tokio::test]
async fn request_under_way_is_finished_when_the_site_ends() {
    for framework in Framework::BOTH {
        let (told, tell) = oneshot::channel::<()>();
        let ending = Box::pin(async move { tell.await.unwrap() });
        let site = Site::until(framework, ending).await;
        let order = site.order().await;
        let admin = site.shop.admin().await;
        let lock = lock_orders(&admin).await;
        let request = site.delete(&order, None);
        let end = async {
            waiting(1, &admin).await;
            told.send(()).unwrap();
            // The site takes no more connections, and waits.
            let refused = async { while Client::new().get(&site.url).send().await.is_ok() {} };
            tokio::time::timeout(LONG, refused).await.unwrap();
            lock.commit().await.unwrap();
        };
        let (answer, ()) = futures_util::future::join(request, end).await;
        assert_eq!(answer.status(), 204, "{framework:?}");
        drop(site.client);
        let served = tokio::time::timeout(LONG, site.served).await;
        served.expect("the server ends").unwrap().unwrap();
    }
}

#[tokio::test]
async fn demo_data_is_put_once() {
    let db = sqlite_with_demo().await;
    demo::put(&db, &Locks::in_process()).await.unwrap();
    let plain = db.plain();
    assert_eq!(tenant::Entity::find().count(&plain).await.unwrap(), 2);
    for tenant in [A, B] {
        let own = order::Entity::find_in(&TenantId::parse(tenant).unwrap()).unwrap();
        assert_eq!(own.count(&plain).await.unwrap(), 5, "{tenant}");
    }
}

#[tokio::test]
async fn demo_data_is_put_once_by_processes_that_start_together() {
    let shop = Shop::open().await;
    let admin = shop.admin().await;
    let empty = "TRUNCATE tenants, users, orders CASCADE";
    admin.execute_unprepared(empty).await.unwrap();
    let locks = Locks::in_process();
    let starts = (0..4).map(|_| {
        let (db, locks) = (shop.db.clone(), locks.clone());
        tokio::spawn(async move { demo::put(&db, &locks).await })
    });
    for start in starts.collect::<Vec<_>>() {
        start.await.unwrap().unwrap();
    }
    assert_eq!(tenant::Entity::find().count(&admin).await.unwrap(), 2);
    assert_eq!(order::Entity::find().count(&admin).await.unwrap(), 10);
}

#[tokio::test]
async fn on_sqlite_too_an_order_is_its_own_tenants() {
    for framework in Framework::BOTH {
        let db = sqlite_with_demo().await;
        let (url, _) = serve(framework, &db, Box::pin(std::future::pending())).await;
        let get = async |tenant: &str, path: &str| {
            let request = Client::new().get(format!("{url}{path}"));
            request.header("x-tenant", tenant).send().await.unwrap()
        };
        let page: Value = get(A, "/orders").await.json().await.unwrap();
        assert_eq!(numbers(&page), ["A-5", "A-4", "A-3", "A-2", "A-1"]);
        let order = page["orders"][0]["id"].as_str().unwrap();
        let path = format!("/orders/{order}");
        assert_eq!(get(A, &path).await.status(), 200, "{framework:?}");
        assert_eq!(get(B, &path).await.status(), 404, "{framework:?}");
        let page: Value = get(B, "/orders").await.json().await.unwrap();
        assert_eq!(numbers(&page), ["B-5", "B-4", "B-3", "B-2", "B-1"]);
        assert_eq!(get(A, "/health/ready").await.status(), 200, "{framework:?}");
    }
}

async fn sqlite_with_demo() -> Database {
    let db = in_memory().await.unwrap();
    Migrator::up(&db.plain(), None).await.unwrap();
    demo::put(&db, &Locks::in_process()).await.unwrap();
    db
}
