//! What is not committed invalidates nothing, and is not cached.

use dotmac_database::cache::CacheClient;
use dotmac_database::prelude::*;
use sea_orm::{ConnectionTrait, IsolationLevel};

use super::bed::{Process, insert_page, shop, title, title_all};
use super::table::page;
use crate::cache::server::ThrowawayRedis;

/// How a change is made.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Change {
    Save,
    Bulk,
    Raw,
}

/// Ways to end a unit of work.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Rollback,
    Drop,
    NestedRollback,
    NestedDrop,
    SavepointUndone,
    Commit,
    NestedCommit,
    SavepointReleased,
}

async fn change(tx: &Session, page: &page::Model, how: Change) {
    match how {
        Change::Save => drop(title(tx, page, "new").await),
        Change::Bulk => title_all(tx, "new").await,
        Change::Raw => {
            let sql = "UPDATE cached_pages SET title = 'new'";
            tx.execute_unprepared(sql).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c08_only_what_is_committed_invalidates() {
    let (shop, redis) = (shop().await, ThrowawayRedis::start());
    let ends = [
        End::Rollback,
        End::Drop,
        End::NestedRollback,
        End::NestedDrop,
        End::SavepointUndone,
        End::Commit,
        End::NestedCommit,
        End::SavepointReleased,
    ];
    for (process, end) in Process::both(&shop.db, &redis)
        .await
        .iter()
        .flat_map(|process| ends.map(|end| (process, end)))
    {
        for how in [Change::Save, Change::Bulk, Change::Raw] {
            let slug = Uuid::now_v7().to_string();
            let page = insert_page(&shop.db, &shop.a, &slug).await;
            process.title(&shop.a, page.id).await;
            let tx = shop.db.begin(&shop.a).unwrap();
            match end {
                End::NestedRollback | End::NestedDrop | End::NestedCommit => {
                    let nested = tx.nested().unwrap();
                    change(&nested, &page, how).await;
                    match end {
                        End::NestedRollback => nested.rollback().await.unwrap(),
                        End::NestedCommit => nested.commit().await.unwrap(),
                        _ => drop(nested),
                    }
                }
                End::SavepointUndone | End::SavepointReleased => {
                    tx.savepoint("a").unwrap();
                    change(&tx, &page, how).await;
                    match end {
                        End::SavepointUndone => tx.roll_back_to("a").unwrap(),
                        _ => tx.release("a").unwrap(),
                    }
                }
                _ => change(&tx, &page, how).await,
            }
            let before = process.look(&shop.a, page.id).await;
            assert_eq!(
                before,
                (Some("old".to_owned()), false),
                "{end:?} {how:?}: not yet"
            );
            match end {
                End::Rollback => tx.rollback().await.unwrap(),
                End::Drop => drop(tx),
                _ => tx.commit().await.unwrap(),
            }
            let is_committed = matches!(
                end,
                End::Commit | End::NestedCommit | End::SavepointReleased
            );
            let expected = if is_committed { "new" } else { "old" };
            let after = process.look(&shop.a, page.id).await;
            assert_eq!(
                after,
                (Some(expected.to_owned()), is_committed),
                "{end:?} {how:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c09_a_session_sees_its_own_changes_and_the_cache_does_not() {
    let (shop, redis) = (shop().await, ThrowawayRedis::start());
    for process in Process::both(&shop.db, &redis).await {
        for is_cached in [false, true] {
            for how in [Change::Save, Change::Bulk, Change::Raw] {
                let slug = Uuid::now_v7().to_string();
                let page = insert_page(&shop.db, &shop.a, &slug).await;
                if is_cached {
                    process.title(&shop.a, page.id).await;
                }
                let tx = shop.db.begin(&shop.a).unwrap();
                change(&tx, &page, how).await;
                let own = page::Entity::cached_by_id(&tx, &process.pages, page.id).await;
                assert_eq!(own.unwrap().unwrap().title, "new", "{how:?}");
                let ids = [page.id];
                let own = page::Entity::cached_by_ids(&tx, &process.pages, ids).await;
                assert_eq!(own.unwrap()[&page.id].title, "new", "{how:?}");
                let others = process.title(&shop.a, page.id).await;
                assert_eq!(others.as_deref(), Some("old"), "{how:?}");
                tx.rollback().await.unwrap();
                let others = process.title(&shop.a, page.id).await;
                assert_eq!(others.as_deref(), Some("old"), "{how:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c09_a_snapshot_fills_nothing_and_keeps_its_own_view() {
    let shop = shop().await;
    let process = Process::of(CacheClient::in_process(), &shop.db);
    let page = insert_page(&shop.db, &shop.a, "p").await;
    for level in [IsolationLevel::RepeatableRead, IsolationLevel::Serializable] {
        let options = SessionOptions::isolation(level);
        let old = shop.db.begin_with(&shop.a, options).unwrap();
        let before = page::Entity::find_by_id(page.id)
            .one(&old)
            .await
            .unwrap()
            .unwrap();
        let changed = Uuid::now_v7().to_string();
        shop.db
            .write(&shop.a, async |tx| {
                title_all(tx, &changed).await;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        let seen = page::Entity::cached_by_id(&old, &process.pages, page.id).await;
        assert_eq!(seen.unwrap().unwrap().title, before.title);
        assert_eq!(process.title(&shop.a, page.id).await, Some(changed.clone()));
        let seen = page::Entity::cached_by_id(&old, &process.pages, page.id).await;
        assert_eq!(seen.unwrap().unwrap().title, before.title);
        assert_eq!(process.title(&shop.a, page.id).await, Some(changed));
    }
}
