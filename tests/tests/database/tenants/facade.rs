//! One way to the rows of a tenant, wherever they are.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use dotmac_database::prelude::*;
use dotmac_database::tenancy::{CachedPlacements, DatabaseLimits, Placement, Placements, Tenants};
use dotmac_database::{Tenancy, TenancyError};
use futures_util::future::join_all;
use tokio::sync::Semaphore;

use super::fleet::{Fleet, current};
use crate::schemas::kit::{OWN, PUBLIC, by_admin, estate, insert_order, numbers};
use crate::support::{A, B, Shop, config, context, kind};

/// acme shares tables, beta has a schema, gamma another database.
async fn placed() -> (Shop, Fleet, Tenants) {
    let shop = estate(2).await;
    let fleet = Fleet::open(1, DatabaseLimits::default()).await;
    let own = fleet.names[0].clone();
    let placements = move |tenant: TenantId| {
        let own = own.clone();
        async move {
            match tenant.as_str() {
                A => Ok(Some(Placement::Rows)),
                B => Ok(Some(Placement::Schema)),
                "gamma" => Ok(Some(Placement::Database(own))),
                "broken" => Err(Error::Ended),
                _ => Ok(None),
            }
        }
    };
    let tenants = Tenants::new(shop.db.clone(), placements).databases(fleet.databases.clone());
    (shop, fleet, tenants)
}

#[tokio::test]
async fn tenant_is_found_wherever_it_is_placed() {
    let (shop, fleet, tenants) = placed().await;
    let gamma = context("gamma");
    for (context, database, expected) in [
        (&shop.a, shop.name.as_str(), PUBLIC),
        (&shop.b, &shop.name, OWN),
        (&gamma, fleet.names[0].as_str(), "new"),
    ] {
        if expected == "new" {
            let write = tenants.write(context, async |tx| insert_order(tx, "new").await);
            write.await.unwrap();
        }
        let read = tenants.read(context, async |tx| {
            Ok::<_, DbErr>((current(tx).await?, numbers(tx).await?))
        });
        let (found, numbers) = read.await.unwrap();
        assert_eq!(found, database);
        assert_eq!(numbers, [expected]);
    }
    // Nobody holds it any more.
    assert_eq!(fleet.databases.statistics().idle, 1);
    let session = tenants.begin(&gamma).await.unwrap();
    assert_eq!(numbers(&session).await.unwrap(), ["new"]);
    assert_eq!(fleet.databases.statistics().in_use, 1);
}

// What the start check has not looked at: the tables of tenants that are placed in the other way.
#[tokio::test]
async fn i41_tables_of_the_other_placement_are_checked_before_the_first_of_their_tenants_is_served()
{
    let (schemas, rows) = (estate(1).await, estate(1).await);
    let rows_db = Database::connect(config(&rows.name).pool_size(1).max_overflow(0));
    let rows_db = rows_db.await.unwrap();
    for (shop, db, own, other, schema) in [
        (&schemas, schemas.db.clone(), B, A, "public"),
        (&rows, rows_db, A, B, "tenant_beta"),
    ] {
        let (own, other) = (context(own), context(other));
        let tenants = Tenants::new(db, async |tenant: TenantId| {
            let placement = match tenant.as_str() {
                A => Placement::Rows,
                _ => Placement::Schema,
            };
            Ok(Some(placement))
        });
        let open = format!("ALTER TABLE {schema}.orders DISABLE ROW LEVEL SECURITY");
        let close = format!("ALTER TABLE {schema}.orders ENABLE ROW LEVEL SECURITY");
        by_admin(shop, &open).await;
        tenants.of(&own).await.unwrap();
        for _ in 0..2 {
            match tenants.begin(&other).await {
                Err(Error::Unprotected { table, .. }) => assert!(table.ends_with("orders")),
                refused => panic!("{refused:?}"),
            }
        }
        by_admin(shop, &close).await;
        tenants.of(&other).await.unwrap();
        // Once: it is no check of each request.
        by_admin(shop, &open).await;
        tenants.clone().of(&other).await.unwrap();
    }
}

#[tokio::test]
async fn tenant_that_nobody_placed_is_an_error_and_so_is_an_answer_that_does_not_come() {
    let (shop, _fleet, tenants) = placed().await;
    match tenants.of(&context("delta")).await {
        Err(Error::Tenancy(TenancyError::UnknownTenant { tenant })) => assert_eq!(tenant, "delta"),
        other => panic!("{other:?}"),
    }
    assert_eq!(
        kind(tenants.of(&context("broken")).await),
        ErrorKind::Session
    );
    let none = tenants.of(&RequestContext::without_tenant()).await.unwrap();
    assert_eq!(none.tenancy(), shop.db.tenancy());
    let alone = Tenants::new(shop.db.clone(), |_: TenantId| async {
        Ok(Some("database:eu-1".parse()?))
    });
    assert_eq!(kind(alone.of(&shop.a).await), ErrorKind::Config);
}

#[tokio::test]
async fn database_serves_tenants_that_are_all_placed_alike() {
    let shop = estate(1).await;
    let rows = shop.db.with_tenancy(Tenancy::Rows).unwrap();
    for (db, expected) in [(rows, PUBLIC), (shop.db.clone(), OWN)] {
        let tenants = Tenants::from(db);
        let read = tenants.read(&shop.a, async |tx| numbers(tx).await);
        assert_eq!(read.await.unwrap(), [expected]);
    }
}

#[tokio::test]
async fn placement_is_looked_up_once_until_it_is_forgotten() {
    let shop = estate(1).await;
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let placements = CachedPlacements::new(move |_: TenantId| {
        counter.fetch_add(1, Ordering::SeqCst);
        async { Ok(Some(Placement::Schema)) }
    });
    let tenants = Tenants::new(shop.db.clone(), placements.clone());
    for _ in 0..5 {
        tenants.of(&shop.a).await.unwrap();
    }
    assert_eq!(count.load(Ordering::SeqCst), 1);
    placements.forget(shop.a.tenant_id().unwrap()).await;
    tenants.of(&shop.a).await.unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn lookups_of_one_tenant_at_a_time_are_one_and_errors_are_shared_and_not_kept() {
    let counts: [Arc<AtomicUsize>; 2] = Default::default();
    let gate = Arc::new(Semaphore::new(0));
    let (counters, opened) = (counts.clone(), Arc::clone(&gate));
    let placements = CachedPlacements::new(move |tenant: TenantId| {
        let is_broken = tenant.as_str() == "broken";
        counters[usize::from(is_broken)].fetch_add(1, Ordering::SeqCst);
        let opened = Arc::clone(&opened);
        async move {
            let _permit = opened.acquire().await;
            match is_broken {
                true => Err(Error::Ended),
                false => Ok(Some(Placement::Schema)),
            }
        }
    });
    let [acme, broken] = [A, "broken"].map(|id| TenantId::parse(id).unwrap());
    let all = |tenant| join_all((0..20).map(|_| placements.find(tenant)));
    // All have asked before the first answer comes.
    let open = async { gate.add_permits(1) };
    let (found, failed, ()) = tokio::join!(all(&acme), all(&broken), open);
    let found = found.into_iter().map(Result::unwrap);
    assert!(found.into_iter().all(|it| it == Some(Placement::Schema)));
    assert!(failed.into_iter().all(|it| kind(it) == ErrorKind::Session));
    let counted = || counts.clone().map(|count| count.load(Ordering::SeqCst));
    assert_eq!(counted(), [1, 1]);
    placements.find(&acme).await.unwrap();
    assert_eq!(kind(placements.find(&broken).await), ErrorKind::Session);
    assert_eq!(counted(), [1, 2]);
}

#[tokio::test]
async fn tenant_that_moved_during_a_lookup_is_looked_for_where_it_is_once_it_is_forgotten() {
    let shop = estate(1).await;
    let gate = Arc::new(Semaphore::new(0));
    let has_moved = Arc::new(AtomicBool::new(false));
    let (opened, moved) = (Arc::clone(&gate), Arc::clone(&has_moved));
    let placements = CachedPlacements::new(move |_: TenantId| {
        let found = match moved.load(Ordering::SeqCst) {
            false => Placement::Rows,
            true => Placement::Schema,
        };
        let opened = Arc::clone(&opened);
        async move {
            let _permit = opened.acquire().await;
            Ok(Some(found))
        }
    });
    let tenants = Tenants::new(shop.db.clone(), placements.clone());
    let (request, job) = (tenants.clone(), tenants.clone());
    let read = async |tenants: Tenants| {
        let read = tenants.read(&shop.a, async |tx| numbers(tx).await);
        read.await.unwrap()
    };
    let mut before = std::pin::pin!(read(request));
    assert!(futures_util::poll!(before.as_mut()).is_pending());
    has_moved.store(true, Ordering::SeqCst);
    placements.forget(shop.a.tenant_id().unwrap()).await;
    gate.add_permits(2);
    let (before, after) = tokio::join!(before, read(job));
    // The request asked before the tenant moved.
    assert_eq!(
        (before, after),
        (vec![PUBLIC.to_owned()], vec![OWN.to_owned()])
    );
    assert_eq!(read(tenants).await, [OWN]);
}
