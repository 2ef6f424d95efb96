//! A row that was read before a commit, and would be stored after it.

use dotmac_database::cache::CacheClient;
use dotmac_database::prelude::*;
use dotmac_database::rls::Login;

use super::bed::{Process, Shop, insert_page, shop, title, title_all};
use super::table::page;
use crate::cache::server::{ThrowawayRedis, until};
use crate::fault_proxy::{Fault, FaultProxy};
use crate::support::server;

/// How the row is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Asked {
    Alone,
    WithOthers,
    /// In a session that goes on without the cache, which is filled in the background.
    InSession,
}

/// The database of the shop, behind a proxy.
async fn behind(network: &FaultProxy, shop: &Shop) -> Database {
    let (direct, faulty) = (server().port().to_string(), network.port().to_string());
    let url = shop.url(Login::Application).replace(&direct, &faulty);
    let config = DatabaseConfig::new(&url).unwrap().pool_size(2);
    Database::connect(config).await.unwrap()
}

async fn ask(db: Database, process: Process, shop: &Shop, id: Uuid, asked: Asked) -> Process {
    let pages = &process.pages;
    match asked {
        Asked::Alone => {
            let found = page::Entity::cached_by_id(&shop.a, pages, id).await;
            assert_eq!(found.unwrap().unwrap().title, "old", "it asked before");
        }
        Asked::WithOthers => {
            let ids = [Uuid::now_v7(), id];
            let found = page::Entity::cached_by_ids(&shop.a, pages, ids).await;
            assert_eq!(found.unwrap()[&id].title, "old", "it asked before");
        }
        Asked::InSession => {
            let read = db.read(&shop.a, async |tx| {
                // It holds a connection from here on.
                page::Entity::find_by_id(Uuid::now_v7()).one(tx).await?;
                page::Entity::cached_by_id(tx, pages, id).await
            });
            read.await.unwrap();
        }
    }
    until(|| process.client.is_idle()).await;
    process
}

#[tokio::test(flavor = "multi_thread")]
async fn c07_row_that_was_read_before_a_commit_is_not_stored_after_it() {
    let (shop, redis) = (shop().await, ThrowawayRedis::start());
    let network = FaultProxy::start(server().port());
    let db = behind(&network, &shop).await;
    let mut late = 0;
    for asked in [Asked::Alone, Asked::WithOthers, Asked::InSession] {
        for (is_one_row, is_one_process) in [(true, true), (true, false), (false, false)] {
            // The writer is the reader's own process, or another one.
            let client = match is_one_process {
                true => CacheClient::in_process(),
                false => redis.client().await,
            };
            let writer = match is_one_process {
                true => client.clone(),
                false => redis.client().await,
            };
            let _writing = writer.follow(&shop.db).unwrap();
            let reader = Process::of(client, &db);
            let slug = Uuid::now_v7().to_string();
            let row = insert_page(&shop.db, &shop.a, &slug).await;
            // The answers that hold the row are late: that of the session too.
            let answers = 1 + usize::from(asked == Asked::InSession);
            (0..answers).for_each(|_| network.next(&slug, Fault::MessageLate));
            late += answers;
            let commit = async {
                until(|| network.happened() == late).await;
                let written = shop.db.write(&shop.a, async |tx| {
                    match is_one_row {
                        true => drop(title(tx, &row, "new").await),
                        false => title_all(tx, "new").await,
                    }
                    Ok::<_, Error>(())
                });
                written.await.unwrap();
                network.release();
            };
            let asking = ask(db.clone(), reader, &shop, row.id, asked);
            let (reader, ()) = tokio::join!(asking, commit);
            let case = format!("{asked:?} {is_one_row} {is_one_process}");
            let loaded = (Some("new".to_owned()), true);
            if !is_one_process {
                // What Redis has.
                let third = Process::of(redis.client().await, &db);
                assert_eq!(third.look(&shop.a, row.id).await, loaded, "{case}");
                let seen = reader.title(&shop.a, row.id).await;
                assert_eq!(seen.as_deref(), Some("new"), "{case}");
            } else {
                assert_eq!(reader.look(&shop.a, row.id).await, loaded, "{case}");
            }
        }
    }
}
