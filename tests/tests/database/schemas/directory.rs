//! The directory of tenants: who reads it, how it changes, and who is told.

use std::time::Duration;

use dotmac_database::prelude::*;
use dotmac_database::tenancy::{
    Directory, DirectoryEvent, Listing, Placement, TenantState, Transition,
};
use dotmac_database::web::{StoredDirectory, TenantDirectory};
use dotmac_database::{SchemaName, TenancyError, testing};
use futures_util::{Stream, StreamExt};
use sea_orm::{ConnectionTrait, DbBackend, Statement, TransactionTrait};

use super::fleet_bed::{Bed, id};
use crate::support::{context, kind};

async fn register(bed: &Bed, tenant: &str) {
    let placement = Placement::Rows;
    let registered = bed
        .directory
        .register(&id(tenant), &placement, None, &bed.migrator)
        .await;
    assert_eq!(registered.unwrap().state, TenantState::Active);
}

async fn tenants_seen(tx: &Session) -> Result<Vec<String>, Error> {
    let all = Statement::from_string(DbBackend::Postgres, "SELECT tenant_id FROM dotmac_tenants");
    let rows = tx.query_all_raw(all).await?;
    Ok(rows
        .iter()
        .map(|row| row.try_get("", "tenant_id").unwrap())
        .collect())
}

#[tokio::test]
async fn tenant_reads_its_own_row_and_no_other() {
    let bed = Bed::open().await;
    register(&bed, "acme").await;
    register(&bed, "beta").await;
    let db = bed.program().await;
    let acme = context("acme");
    let seen = db.read(&acme, async |tx| tenants_seen(tx).await);
    assert_eq!(seen.await.unwrap(), ["acme"]);
    let nobody = RequestContext::without_tenant();
    let seen = db.read(&nobody, async |tx| tenants_seen(tx).await);
    assert!(seen.await.unwrap().is_empty());
    for sql in [
        "UPDATE dotmac_tenants SET state = 'active'",
        "DELETE FROM dotmac_tenants",
        "INSERT INTO dotmac_tenants (tenant_id, state, placement) VALUES ('x', 'active', 'rows')",
    ] {
        let written = db.write(&acme, async |tx| tx.execute_unprepared(sql).await);
        assert_eq!(kind(written.await), ErrorKind::Denied, "{sql}");
    }
    let system = db.system("a look at all tenants").unwrap();
    let seen = system.read(async |tx| tenants_seen(tx).await).await;
    assert_eq!(seen.unwrap(), ["acme", "beta"]);

    let found = bed.directory.find(&id("beta"), &db).await.unwrap().unwrap();
    assert_eq!(
        (found.tenant, found.placement),
        (id("beta"), Placement::Rows)
    );
    assert_eq!(bed.directory.find(&id("gamma"), &db).await.unwrap(), None);
    let requests = StoredDirectory::new(bed.directory.clone(), db);
    let state = requests.find(&id("acme")).await.unwrap();
    assert_eq!(state, Some(TenantState::Active));
    assert_eq!(requests.find(&id("gamma")).await.unwrap(), None);
}

#[tokio::test]
async fn only_what_leads_from_a_state_is_done() {
    let bed = Bed::open().await;
    register(&bed, "acme").await;
    let all = [
        Transition::Activate,
        Transition::Suspend,
        Transition::Resume,
        Transition::Archive,
        Transition::Fail,
    ];
    for state in TenantState::ALL {
        for transition in all {
            let sql = format!("UPDATE dotmac_tenants SET state = '{state}', error = 'e'");
            bed.admin.execute_unprepared(&sql).await.unwrap();
            let applied = bed
                .directory
                .apply(transition, &id("acme"), &bed.migrator)
                .await;
            let kept = bed.record("acme").await.unwrap();
            let is_legal = transition.from().contains(&state);
            if is_legal || state == transition.to() {
                assert_eq!(applied.unwrap().state, transition.to());
                assert_eq!(kept.state, transition.to());
                let forgets = is_legal && state == TenantState::Failed;
                assert_eq!(kept.error.is_none(), forgets);
            } else {
                let error = applied.unwrap_err().to_string();
                assert!(error.contains(state.as_str()), "{error}");
                assert_eq!(kept.state, state, "{transition:?}");
            }
        }
    }
    let unknown = bed
        .directory
        .apply(Transition::Suspend, &id("beta"), &bed.migrator)
        .await;
    let unknown = unknown.unwrap_err().to_string();
    assert_eq!(unknown, "there is no tenant \"beta\"");
}

#[tokio::test]
async fn second_registration_and_second_owner_of_a_schema_are_refused() {
    let bed = Bed::open().await;
    let (placement, db) = (Placement::Schema, &bed.migrator);
    let register = async |tenant, schema: Option<&str>| {
        let schema = schema.map(|it| SchemaName::parse(it).unwrap());
        let directory = &bed.directory;
        directory
            .register(&id(tenant), &placement, schema.as_ref(), db)
            .await
    };
    let acme = register("acme", None).await.unwrap();
    assert_eq!(acme.schema.unwrap().as_str(), "tenant_acme");
    assert_eq!(acme.state, TenantState::Creating);
    let twice = register("acme", Some("tenant_acme")).await.unwrap_err();
    assert!(matches!(
        twice,
        Error::Tenancy(TenancyError::TenantExists { .. })
    ));
    let taken = register("beta", Some("tenant_acme")).await.unwrap_err();
    assert!(matches!(
        taken,
        Error::Tenancy(TenancyError::SchemaOfOther { .. })
    ));
    // By a name that raw SQL gave.
    let raw = "UPDATE dotmac_tenants SET schema_name = 'tenant_gamma' WHERE tenant_id = 'acme'";
    bed.admin.execute_unprepared(raw).await.unwrap();
    let taken = register("gamma", None).await.unwrap_err();
    assert!(matches!(
        taken,
        Error::Tenancy(TenancyError::SchemaExists { .. })
    ));
    assert_eq!(
        kind(register("Acme", None).await),
        ErrorKind::InvalidContext
    );
}

#[tokio::test]
async fn tenants_are_listed_by_pages_and_states() {
    let bed = Bed::open().await;
    // In the order of bytes, whatever the database's language.
    let names = ["A", "B", "_", "a", "b"];
    for name in names {
        register(&bed, name).await;
    }
    let list = async |listing: Listing| -> Vec<String> {
        let listed = bed.directory.list(&listing, &bed.migrator).await.unwrap();
        listed.into_iter().map(|it| it.tenant.to_string()).collect()
    };
    assert_eq!(list(Listing::default()).await, names);
    assert_eq!(list(Listing::default().limit(2)).await, ["A", "B"]);
    let next = Listing::default().limit(2).after(id("B"));
    assert_eq!(list(next).await, ["_", "a"]);
    let suspended = Listing::default().state(TenantState::Suspended);
    assert!(list(suspended.clone()).await.is_empty());
    let suspend = Transition::Suspend;
    bed.directory
        .apply(suspend, &id("a"), &bed.migrator)
        .await
        .unwrap();
    assert_eq!(list(suspended).await, ["a"]);
}

async fn next(events: &mut (impl Stream<Item = DirectoryEvent> + Unpin)) -> DirectoryEvent {
    let limit = Duration::from_secs(10);
    tokio::time::timeout(limit, events.next())
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn changes_are_told_once_they_are_committed() {
    let bed = Bed::open().await;
    let db = bed.program().await;
    let mut events = bed.directory.events(&db).await.unwrap();
    let directory = &bed.directory;
    let rows = Placement::Rows;
    // Rolled back: nobody hears of it.
    let transaction = bed.migrator.begin().await.unwrap();
    directory
        .register(&id("ghost"), &rows, None, &transaction)
        .await
        .unwrap();
    transaction.rollback().await.unwrap();
    // Told in the order of the commits, not of the statements.
    let transaction = bed.migrator.begin().await.unwrap();
    directory
        .register(&id("late"), &rows, None, &transaction)
        .await
        .unwrap();
    register(&bed, "acme").await;
    transaction.commit().await.unwrap();
    let raw = "UPDATE dotmac_tenants SET state = 'suspended' WHERE tenant_id = 'acme'";
    bed.admin.execute_unprepared(raw).await.unwrap();
    bed.admin
        .execute_unprepared("DELETE FROM dotmac_tenants WHERE tenant_id = 'acme'")
        .await
        .unwrap();
    let changed = |tenant, state| DirectoryEvent::Changed {
        tenant: id(tenant),
        state,
    };
    assert_eq!(
        next(&mut events).await,
        changed("acme", TenantState::Active)
    );
    assert_eq!(
        next(&mut events).await,
        changed("late", TenantState::Active)
    );
    assert_eq!(
        next(&mut events).await,
        changed("acme", TenantState::Suspended)
    );
    let removed = DirectoryEvent::Removed { tenant: id("acme") };
    assert_eq!(next(&mut events).await, removed);
}

#[tokio::test]
async fn lost_connection_is_told_and_made_again() {
    let bed = Bed::open().await;
    let db = bed.program().await;
    let mut events = bed.directory.events(&db).await.unwrap();
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
        WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    assert_eq!(bed.ask(kill).await.as_deref(), Some("(1)"));
    assert_eq!(next(&mut events).await, DirectoryEvent::Missed);
    register(&bed, "acme").await;
    let (tenant, state) = (id("acme"), TenantState::Active);
    let changed = DirectoryEvent::Changed { tenant, state };
    assert_eq!(next(&mut events).await, changed);
}

#[tokio::test]
async fn events_are_refused_where_nothing_can_listen() {
    let bed = Bed::open().await;
    let directory = Directory::new();
    let config = bed.database.config().unwrap().pgbouncer(true);
    let bouncer = Database::connect(config).await.unwrap();
    let refused = directory.events(&bouncer).await.map(drop);
    assert!(matches!(refused, Err(Error::Pooled { .. })));
    let sqlite = testing::in_memory().await.unwrap();
    let refused = directory.events(&sqlite).await.map(drop);
    assert!(matches!(refused, Err(Error::Unsupported { .. })));
}
