//! Reading rows through the cache.

use dotmac_database::cache::CacheClient;
use dotmac_database::prelude::*;

use super::bed::{Process, insert_page, shop, shop_with_pool, title};
use super::table::page;
use crate::cache::server::{ThrowawayRedis, until};
use crate::support::kind;

#[tokio::test(flavor = "multi_thread")]
async fn many_rows_are_loaded_by_one_select_and_found_one_by_one() {
    let (shop, redis) = (shop().await, ThrowawayRedis::start());
    for process in Process::both(&shop.db, &redis).await {
        let mut ids = Vec::new();
        for _ in 0..4 {
            let slug = Uuid::now_v7().to_string();
            ids.push(insert_page(&shop.db, &shop.a, &slug).await.id);
        }
        let missing = Uuid::now_v7();
        process.title(&shop.a, ids[0]).await;
        let sessions = shop.db.statistics().sessions;
        let asked = ids.iter().copied().chain([missing, ids[0]]);
        let pages = page::Entity::cached_by_ids(&shop.a, &process.pages, asked)
            .await
            .unwrap();
        assert_eq!(pages.len(), 4);
        assert!(ids.iter().all(|id| pages[id].id == *id));
        until(|| process.client.is_idle()).await;
        let after = shop.db.statistics().sessions;
        assert_eq!(after.opened - sessions.opened, 1, "one session");
        for id in ids.iter().copied().chain([missing]) {
            assert!(!process.look(&shop.a, id).await.1);
        }
        let changed = shop.db.write(&shop.a, async |tx| {
            let page = page::Entity::find_by_id(ids[1]).one(tx).await?.unwrap();
            Ok::<_, Error>(title(tx, &page, "new").await)
        });
        changed.await.unwrap();
        let pages = page::Entity::cached_by_ids(&shop.a, &process.pages, ids.clone())
            .await
            .unwrap();
        assert_eq!(pages[&ids[1]].title, "new");
        assert_eq!(pages[&ids[2]].title, "old");
    }
}

/// It would wait for the connection that it holds itself.
#[tokio::test(flavor = "multi_thread")]
async fn session_that_holds_the_only_connection_waits_for_no_other() {
    let shop = shop_with_pool(1).await;
    let process = Process::of(CacheClient::in_process(), &shop.db);
    let page = insert_page(&shop.db, &shop.a, "p").await;
    let other = insert_page(&shop.db, &shop.a, "q").await;
    shop.db
        .write(&shop.a, async |tx| {
            let ids = [page.id, other.id];
            page::Entity::find().all(tx).await?;
            let found = page::Entity::cached_by_id(tx, &process.pages, page.id).await?;
            assert_eq!(found.unwrap().slug, "p");
            let found = page::Entity::cached_by_ids(tx, &process.pages, ids).await?;
            assert_eq!(found.len(), 2);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    // Meanwhile it is loaded for others.
    until(|| process.client.is_idle()).await;
    for id in [page.id, other.id] {
        assert!(!process.look(&shop.a, id).await.1);
    }
    let before = process.pages.statistics();
    let kept = shop.db.write(&shop.a, async |tx| {
        page::Entity::find().all(tx).await?;
        let found = page::Entity::cached_by_id(tx, &process.pages, page.id).await?;
        let many = page::Entity::cached_by_ids(tx, &process.pages, [page.id]).await?;
        Ok::<_, Error>((found.is_some(), many.len()))
    });
    assert_eq!(kept.await.unwrap(), (true, 1));
    let after = process.pages.statistics();
    assert_eq!(
        (after.near_hits - before.near_hits, after.loads),
        (2, before.loads)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn c16_rows_of_tenants_need_one() {
    let shop = shop().await;
    let process = Process::of(CacheClient::in_process(), &shop.db);
    let nobody = RequestContext::without_tenant();
    let found = page::Entity::cached_by_id(&nobody, &process.pages, Uuid::now_v7()).await;
    assert_eq!(kind(found), ErrorKind::MissingTenant);
    let found = page::Entity::cached_by_ids(&nobody, &process.pages, [Uuid::now_v7()]).await;
    assert_eq!(kind(found), ErrorKind::MissingTenant);
    assert_eq!(
        kind(process.pages.invalidate(&nobody).await),
        ErrorKind::MissingTenant
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_session_changed_is_invalidated_by_hand() {
    use sea_orm::ConnectionTrait;
    let (shop, redis) = (shop().await, ThrowawayRedis::start());
    for process in Process::both(&shop.db, &redis).await {
        let slug = Uuid::now_v7().to_string();
        let page = insert_page(&shop.db, &shop.a, &slug).await;
        for everyone in [false, true] {
            let new = Uuid::now_v7().to_string();
            let old = process.title(&shop.a, page.id).await;
            let sql = format!("UPDATE cached_pages SET title = '{new}', version = version + 1");
            shop.admin().await.execute_unprepared(&sql).await.unwrap();
            assert_eq!(process.title(&shop.a, page.id).await, old);
            match everyone {
                true => process.pages.invalidate_everyone().await.unwrap(),
                false => process.pages.invalidate(&shop.a).await.unwrap(),
            }
            assert_eq!(process.title(&shop.a, page.id).await, Some(new));
        }
    }
}
