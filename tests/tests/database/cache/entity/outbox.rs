//! The outbox: what was committed is invalidated, whatever dies in between.

use dotmac_database::migrate::Include;
use dotmac_database::prelude::*;
use dotmac_database::rls::{self, Login};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::bed::{Process, Shop, insert_page, program, shop, title_all, until_titled};
use super::child::{Keeps, Writer};
use super::table::page;
use crate::cache::server::ThrowawayRedis;
use crate::fault_proxy::FaultProxy;
use crate::support::kind;

/// How many invalidations are kept.
async fn kept(shop: &Shop) -> i64 {
    let sql = "SELECT count(*) FROM dotmac_cache_outbox";
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let row = shop.admin().await.query_one_raw(statement).await.unwrap();
    row.unwrap().try_get_by(0).unwrap()
}

async fn rename(db: &Database, context: &RequestContext, new: &str) {
    db.write(context, async |tx| {
        title_all(tx, new).await;
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

/// The titles that the database has of acme's pages.
async fn titles(shop: &Shop) -> Vec<String> {
    let read = shop
        .db
        .read(&shop.a, async |tx| page::Entity::find().all(tx).await);
    read.await.unwrap().into_iter().map(|it| it.title).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn c06_what_a_killed_process_has_committed_is_invalidated_by_the_next() {
    for keeps in [Keeps::Nothing, Keeps::Outbox] {
        let (shop, redis) = (shop().await, ThrowawayRedis::start());
        let reader = Process::of(redis.client().await, &shop.db);
        let page = insert_page(&shop.db, &shop.a, "p").await;
        assert_eq!(reader.title(&shop.a, page.id).await.as_deref(), Some("old"));
        let network = FaultProxy::start(redis.port());
        let (port, url) = (network.port(), shop.url(Login::Application));
        let start = move || Writer::start(port, &url, keeps);
        let mut writer = tokio::task::spawn_blocking(start).await.unwrap();
        // What it sends to Redis after the COMMIT does not arrive.
        network.freeze();
        writer.write();
        let committed = async { while titles(&shop).await != ["new"] {} };
        let waited = tokio::time::timeout(std::time::Duration::from_secs(20), committed).await;
        waited.expect("commits");
        writer.kill();
        drop(network);
        assert_eq!(kept(&shop).await, i64::from(keeps == Keeps::Outbox));
        assert_eq!(reader.title(&shop.a, page.id).await.as_deref(), Some("old"));
        let db = program(&shop).await;
        let client = redis.client().await;
        let following = client.follow_with_outbox(&db).await.unwrap();
        let next = Process::following(client, following);
        let expected = match keeps {
            Keeps::Outbox => "new",
            // Until its time to live ends.
            Keeps::Nothing => "old",
        };
        assert_eq!(
            next.title(&shop.a, page.id).await.as_deref(),
            Some(expected)
        );
        until_titled(&reader, &shop.a, page.id, Some(expected)).await;
        assert_eq!(kept(&shop).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_is_taken_out_and_a_rollback_leaves_nothing() {
    let (shop, redis) = (shop().await, ThrowawayRedis::start());
    let db = program(&shop).await;
    let client = redis.client().await;
    let following = client.follow_with_outbox(&db).await.unwrap();
    let process = Process::following(client, following);
    let page = insert_page(&db, &shop.a, "p").await;
    assert_eq!(
        process.title(&shop.a, page.id).await.as_deref(),
        Some("old")
    );
    let tx = db.begin(&shop.a).unwrap();
    title_all(&tx, "never").await;
    tx.rollback().await.unwrap();
    rename(&db, &shop.a, "it's \\ new").await;
    assert_eq!(
        process.title(&shop.a, page.id).await.as_deref(),
        Some("it's \\ new")
    );
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while kept(&shop).await > 0 {
        assert!(std::time::Instant::now() < deadline, "it is not taken out");
    }
    // A system session's too.
    db.system("monthly close")
        .unwrap()
        .write(async |tx| {
            title_all(tx, "all").await;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    assert_eq!(
        process.title(&shop.a, page.id).await.as_deref(),
        Some("all")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn outbox_that_is_not_there_is_told_at_once() {
    let (shop, redis) = (shop().await, ThrowawayRedis::start());
    let sql = "DROP TABLE dotmac_cache_outbox";
    shop.admin().await.execute_unprepared(sql).await.unwrap();
    let refused = redis.client().await.follow_with_outbox(&shop.db).await;
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("dotmac_cache_outbox"), "{error}");
}

/// It names rows of all tenants.
#[tokio::test(flavor = "multi_thread")]
async fn i15_no_tenant_reads_or_empties_the_outbox() {
    let (shop, redis) = (shop().await, ThrowawayRedis::start());
    let db = program(&shop).await;
    let sql = "INSERT INTO dotmac_cache_outbox (id, invalidation) VALUES (gen_random_uuid(), '{}')";
    shop.admin().await.execute_unprepared(sql).await.unwrap();
    let seen = db.write(&shop.a, async |tx| {
        let sql = "SELECT 1 FROM dotmac_cache_outbox";
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        let seen = tx.query_all_raw(statement).await?.len();
        let removed = tx
            .execute_unprepared("DELETE FROM dotmac_cache_outbox")
            .await?;
        Ok::<_, Error>((seen, removed.rows_affected()))
    });
    assert_eq!(seen.await.unwrap(), (0, 0));
    let update = db.write(&shop.a, async |tx| {
        tx.execute_unprepared("UPDATE dotmac_cache_outbox SET invalidation = ''")
            .await
    });
    assert_eq!(kind(update.await), ErrorKind::Denied);
    // What this version cannot read stays for one that can.
    let client = redis.client().await;
    let _following = client.follow_with_outbox(&db).await.unwrap();
    assert_eq!(kept(&shop).await, 1);
    db.check().await.unwrap();
    let only = Include::all().tables(["cached_pages", "dotmac_cache_outbox"]);
    let findings = rls::check(&shop.admin().await, shop.roles(), &only)
        .await
        .unwrap();
    let found = format!("{findings:?}");
    assert!(!found.contains("dotmac_cache_outbox"), "{found}");
}
