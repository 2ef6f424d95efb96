//! Values that are made of rows end when the rows change.

use std::time::Duration;

use dotmac_database::Global;
use dotmac_database::cache::{CacheClient, CacheOptions, Lookup, SmartCache};
use dotmac_database::prelude::*;
use sea_orm::PaginatorTrait;

use super::bed::{Process, insert_page, program, shop, title, title_all};
use super::table::{currency, page};
use crate::cache::server::{ThrowawayRedis, until};
use crate::support::kind;

fn counts(client: &CacheClient) -> SmartCache<u64> {
    SmartCache::new("counts", client, CacheOptions::new(Duration::from_secs(60))).unwrap()
}

async fn count(lookup: Lookup<u64>, db: &Database, context: &RequestContext) -> u64 {
    let (db, context) = (db.clone(), context.clone());
    let lookup = lookup.depends_on::<page::Entity>().await.unwrap();
    let load = move || async move {
        let pages = page::Entity::find().filter(page::Column::Title.eq("new"));
        db.read(&context, async |tx| pages.count(tx).await).await
    };
    *lookup.get_or_load(load).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_of_rows_ends_with_every_change_of_the_table() {
    let (shop, redis) = (shop().await, ThrowawayRedis::start());
    let db = program(&shop).await;
    for process in Process::both(&db, &redis).await {
        let cache = counts(&process.client);
        let new = async |context: &RequestContext| {
            let counted = count(cache.lookup(context, "new").unwrap(), &db, context).await;
            until(|| process.client.is_idle()).await;
            counted
        };
        let page = insert_page(&db, &shop.a, &Uuid::now_v7().to_string()).await;
        let before = (new(&shop.a).await, new(&shop.b).await);
        let loads = cache.statistics().loads;
        assert_eq!((new(&shop.a).await, new(&shop.b).await), before);
        assert_eq!(cache.statistics().loads, loads, "they are kept");

        // One row: for its tenant.
        db.write(&shop.a, async |tx| {
            Ok::<_, Error>(title(tx, &page, "new").await)
        })
        .await
        .unwrap();
        assert_eq!(
            (new(&shop.a).await, new(&shop.b).await),
            (before.0 + 1, before.1)
        );
        assert_eq!(cache.statistics().loads, loads + 1);

        // A system session: for all.
        let system = db.system("monthly close").unwrap();
        let all = system.write(async |tx| {
            title_all(tx, "other").await;
            Ok::<_, Error>(())
        });
        all.await.unwrap();
        assert_eq!((new(&shop.a).await, new(&shop.b).await), (0, 0));
        assert_eq!(cache.statistics().loads, loads + 3);
    }
}

#[tokio::test]
async fn an_entry_of_no_tenant_cannot_depend_on_rows_of_tenants() {
    let client = CacheClient::in_process();
    let options = CacheOptions::new(Duration::from_secs(60));
    let cache = SmartCache::<u64, Global>::global("counts", &client, options).unwrap();
    let lookup = || cache.lookup(Global, "all").unwrap();
    let refused = lookup().depends_on::<page::Entity>().await;
    assert_eq!(kind(refused.map(drop)), ErrorKind::Config);
    lookup().depends_on::<currency::Entity>().await.unwrap();
}
