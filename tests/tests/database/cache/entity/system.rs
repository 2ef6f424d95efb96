//! System sessions change rows of all tenants, and end the entries of all.

use dotmac_database::prelude::*;
use sea_orm::ConnectionTrait;

use super::bed::{Process, cache, insert_page, program, shop, title, title_all, until_titled};
use super::table::currency;
use crate::cache::server::ThrowawayRedis;

#[tokio::test(flavor = "multi_thread")]
async fn system_session_ends_the_entries_of_all_tenants() {
    let (shop, redis) = (shop().await, ThrowawayRedis::start());
    let db = program(&shop).await;
    for here in Process::both(&db, &redis).await {
        let there = Process::of(here.client.clone(), &shop.db);
        for is_one_row in [false, true] {
            let slug = Uuid::now_v7().to_string();
            let a = insert_page(&db, &shop.a, &slug).await;
            let b = insert_page(&db, &shop.b, &slug).await;
            for (context, page) in [(&shop.a, &a), (&shop.b, &b)] {
                for process in [&here, &there] {
                    assert_eq!(
                        process.title(context, page.id).await.as_deref(),
                        Some("old")
                    );
                }
            }
            db.system("monthly close")
                .unwrap()
                .write(async |tx| {
                    match is_one_row {
                        true => {
                            title(tx, &a, "new").await;
                            title(tx, &b, "new").await;
                        }
                        false => title_all(tx, "new").await,
                    }
                    Ok::<_, Error>(())
                })
                .await
                .unwrap();
            for (context, page) in [(&shop.a, &a), (&shop.b, &b)] {
                for process in [&here, &there] {
                    assert_eq!(
                        process.title(context, page.id).await.as_deref(),
                        Some("new")
                    );
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn system_session_ends_the_entries_of_other_processes() {
    let (shop, redis) = (shop().await, ThrowawayRedis::start());
    let (db, elsewhere) = (program(&shop).await, program(&shop).await);
    let _here = Process::of(redis.client().await, &db);
    let there = Process::of(redis.client().await, &elsewhere);
    let page = insert_page(&db, &shop.a, "p").await;
    assert_eq!(there.title(&shop.a, page.id).await.as_deref(), Some("old"));
    db.system("monthly close")
        .unwrap()
        .write(async |tx| {
            title_all(tx, "new").await;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    until_titled(&there, &shop.a, page.id, Some("new")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c08_system_session_that_is_rolled_back_ends_nothing() {
    let (shop, redis) = (shop().await, ThrowawayRedis::start());
    let db = program(&shop).await;
    for process in Process::both(&db, &redis).await {
        let slug = Uuid::now_v7().to_string();
        let page = insert_page(&db, &shop.a, &slug).await;
        process.title(&shop.a, page.id).await;
        let tx = db.system("monthly close").unwrap().begin().await.unwrap();
        title_all(&tx, "new").await;
        tx.rollback().await.unwrap();
        assert_eq!(
            process.look(&shop.a, page.id).await,
            (Some("old".into()), false)
        );
    }
}

/// Rows of no tenant are one entry for all.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_tenants_share_are_cached_once_and_end_for_all() {
    let (shop, redis) = (shop().await, ThrowawayRedis::start());
    let db = program(&shop).await;
    let sql = "INSERT INTO cached_currencies VALUES ('EUR', 'old'), ('USD', 'old')";
    shop.admin().await.execute_unprepared(sql).await.unwrap();
    for process in Process::both(&db, &redis).await {
        let currencies = cache::<currency::Entity>(&process.following);
        let name = async |context: &RequestContext, code: &str| {
            let found = currency::Entity::cached_by_id(context, &currencies, code).await;
            found.unwrap().unwrap().name.clone()
        };
        let nobody = RequestContext::without_tenant();
        for context in [&shop.a, &shop.b, &nobody] {
            assert_eq!(name(context, "EUR").await, "old");
        }
        name(&shop.a, "USD").await;
        assert_eq!(currencies.statistics().loads, 2);
        let rename = async |new: &str| {
            let system = db.system("a reform").unwrap();
            let renamed = system.write(async |tx| {
                let found = currency::Entity::find_by_id("EUR").one(tx).await?;
                let mut found = found.unwrap().into_active_model();
                found.name = Set(new.to_owned());
                found.update(tx).await
            });
            renamed.await.unwrap();
        };
        rename("new").await;
        for context in [&shop.a, &shop.b, &nobody] {
            assert_eq!(name(context, "EUR").await, "new");
        }
        assert_eq!(name(&shop.a, "USD").await, "old");
        assert_eq!(
            currencies.statistics().loads,
            3,
            "one row was changed, and one entry ended"
        );
        rename("old").await;
    }
}
