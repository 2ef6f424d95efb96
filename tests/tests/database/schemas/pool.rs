//! Many tenants on few connections, and sessions that are given up while they begin.

use dotmac_database::SearchPath;
use dotmac_database::prelude::*;
use sea_orm::ConnectionTrait;

use super::kit::{OWN, by_admin, estate, numbers, plain_schema, text};
use crate::cancellation::{drip, poll_times};
use crate::support::{context, server};

#[tokio::test]
async fn i30_twenty_tenants_share_one_connection_without_crossing() {
    let shop = estate(1).await;
    let tenants: Vec<String> = (0..20).map(|n| format!("t-{n}")).collect();
    for tenant in &tenants {
        let sql = format!("CREATE TABLE remarks AS SELECT '{tenant}'::text AS body, 0 AS count");
        plain_schema(&shop, tenant, &sql).await;
    }
    const SESSIONS: i32 = 8;
    let tasks: Vec<_> = tenants
        .iter()
        .map(|tenant| {
            let (db, tenant) = (shop.db.clone(), tenant.clone());
            tokio::spawn(async move {
                let context = context(&tenant);
                for _ in 0..SESSIONS {
                    let write = db.write(&context, async |tx| {
                        assert_eq!(text(tx, "SELECT body FROM remarks").await?, tenant);
                        tx.execute_unprepared("UPDATE remarks SET count = count + 1")
                            .await
                    });
                    assert_eq!(write.await.unwrap().rows_affected(), 1);
                }
                let count = "SELECT count::text FROM remarks";
                db.read(&context, async |tx| text(tx, count).await).await
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), SESSIONS.to_string());
    }
}

#[tokio::test]
async fn i31_begin_cancelled_after_n_polls_leaves_no_path_behind() {
    let mut shop = estate(1).await;
    let (direct, slow) = (server().port().to_string(), drip().await.to_string());
    let url = crate::support::url(&shop.name).replace(&direct, &slow);
    let config = DatabaseConfig::new(&url).unwrap();
    let config = config.pool_size(1).max_overflow(0);
    shop.db = Database::connect(config.schemas(SearchPath::tenant()))
        .await
        .unwrap();
    let mut cancelled = 0;
    for polls in 1..80 {
        let session = shop.db.begin(&shop.a).unwrap();
        let first = session.execute_unprepared("SELECT 1");
        cancelled += usize::from(poll_times(first, polls).await.is_none());
        drop(session);
        // On the pool's only connection, outside of sessions.
        let path = text(&shop.db.plain(), "SELECT current_setting('search_path')").await;
        assert_eq!(path.unwrap(), "\"$user\", public", "{polls} polls");
        let next = shop.db.read(&shop.b, async |tx| numbers(tx).await);
        assert_eq!(next.await.unwrap(), [OWN], "{polls} polls");
    }
    assert!(cancelled > 10, "{cancelled} of 79 were cancelled");
}

#[tokio::test]
async fn i32_session_that_failed_leaves_no_path_behind() {
    let shop = estate(1).await;
    by_admin(&shop, "DROP SCHEMA tenant_beta CASCADE").await;
    for _ in 0..3 {
        let unknown = shop.db.read(&shop.b, async |tx| numbers(tx).await);
        unknown.await.unwrap_err();
        let path = text(&shop.db.plain(), "SELECT current_setting('search_path')").await;
        assert_eq!(path.unwrap(), "\"$user\", public");
        let own = shop.db.read(&shop.a, async |tx| numbers(tx).await);
        assert_eq!(own.await.unwrap(), [OWN]);
    }
}
