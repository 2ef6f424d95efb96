//! The same on SQLite, whose statements have other placeholders.

use dotmac_database::cache::CacheClient;
use dotmac_database::migrate::install;
use dotmac_database::prelude::*;
use dotmac_database::testing::in_memory;
use sea_orm_migration::SchemaManager;

use super::bed::{Process, insert_page, title, title_all};
use super::table::page;
use crate::support::{context, kind};

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_cached_and_invalidated_on_sqlite() {
    let db = in_memory().await.unwrap();
    let plain = db.plain();
    install::<page::Entity>(&SchemaManager::new(&plain))
        .await
        .unwrap();
    let (a, b) = (context("acme"), context("beta"));
    let process = Process::of(CacheClient::in_process(), &db);
    let one = insert_page(&db, &a, "1").await;
    let two = insert_page(&db, &a, "2").await;
    for id in [one.id, two.id] {
        assert_eq!(process.title(&a, id).await.as_deref(), Some("old"));
    }
    let changed = db.write(&a, async |tx| Ok::<_, Error>(title(tx, &one, "new").await));
    changed.await.unwrap();
    assert_eq!(process.look(&a, two.id).await, (Some("old".into()), false));
    assert_eq!(process.look(&a, one.id).await, (Some("new".into()), true));
    db.write(&a, async |tx| {
        title_all(tx, "all").await;
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
    assert_eq!(process.look(&a, two.id).await, (Some("all".into()), true));
    assert_eq!(process.title(&b, two.id).await, None);
    let refused = CacheClient::in_process().follow_with_outbox(&db).await;
    assert_eq!(kind(refused), ErrorKind::Unsupported);
}
