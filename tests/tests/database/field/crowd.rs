//! Many sessions on few connections: none crosses, none is lost, none leaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dotmac_database::prelude::*;
use migration::entity::order;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::support::{Shop, context};

const TASKS: usize = 500;
const TENANTS: usize = 10;

fn tenant(task: usize) -> String {
    format!("tenant-{}", task % TENANTS)
}

async fn work(db: &Database, tenant: &str, number: String) -> Result<(), Error> {
    let context = context(tenant);
    db.write(&context, async |tx| {
        let new = order::ActiveModel {
            number: Set(number),
            total_cents: Set(1),
            ..Default::default()
        };
        new.insert(tx).await
    })
    .await?;
    let rows = db.read(&context, async |tx| order::Entity::find().all(tx).await);
    let rows = rows.await?;
    assert!(!rows.is_empty() && rows.iter().all(|row| row.tenant_id == tenant));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_sessions_at_once_share_ten_connections() {
    let lasting = match std::env::var_os("DOTMAC_SOAK") {
        Some(_) => Duration::from_secs(60),
        None => Duration::from_secs(2),
    };
    let shop = Shop::with_pool(10).await;
    let committed = Arc::new(AtomicU64::new(0));
    let until = Instant::now() + lasting;
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (db, committed) = (shop.db.clone(), Arc::clone(&committed));
            tokio::spawn(async move {
                for round in 0.. {
                    work(&db, &tenant(task), format!("{task}-{round}"))
                        .await
                        .unwrap();
                    committed.fetch_add(1, Ordering::Relaxed);
                    if Instant::now() > until {
                        return;
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let committed = committed.load(Ordering::Relaxed);
    println!("{} sessions without crossing in {lasting:?}", 2 * committed);
    assert!(committed >= TASKS as u64);
    let mut kept = 0;
    for task in 0..TENANTS {
        let context = context(&tenant(task));
        let rows = shop
            .db
            .read(&context, async |tx| order::Entity::find().all(tx).await);
        kept += rows.await.unwrap().len() as u64;
    }
    assert_eq!(kept, committed);
    no_connection_is_lost(&shop).await;
}

/// All connections come back to the pool, and none is in a transaction.
async fn no_connection_is_lost(shop: &Shop) {
    let pool = shop.db.plain();
    let pool = pool.get_postgres_connection_pool();
    let mut all = Vec::new();
    for _ in 0..10 {
        all.push(pool.acquire().await.unwrap());
    }
    drop(all);
    assert!(pool.size() <= 10);
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                AND state LIKE 'idle in transaction%'";
    let statement = Statement::from_string(DbBackend::Postgres, open);
    let row = shop
        .admin()
        .await
        .query_one_raw(statement)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.try_get_by_index::<i64>(0).unwrap(), 0);
}
