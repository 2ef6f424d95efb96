//! A tenant's life, interrupted at every step: nothing is ever half done, and the next attempt goes on.

use dotmac_database::SchemaName;
use dotmac_database::migrate::DropMode;
use dotmac_database::prelude::*;
use dotmac_database::tenancy::{Placement, TenantState};
use sea_orm::ConnectionTrait;

use super::fleet_bed::{Bed, id, last_polls, new, old, polls_of};
use crate::cancellation::poll_times;
use crate::support::kind;

/// What is there of a tenant must fit together.
async fn assert_whole(bed: &Bed, tenant: &str, after: &str) -> &'static str {
    let moment = bed.moment(tenant).await;
    match (moment.state, moment.has_schema) {
        (None, false) => "nothing",
        (Some(TenantState::Creating), false) => "registered",
        (Some(TenantState::Active), true) => {
            assert_eq!(moment.shape, "id");
            "made"
        }
        half => panic!("{after}: {half:?}"),
    }
}

async fn polls_of_creation(bed: &Bed) -> usize {
    let (fleet, tenant) = (old(), id("like"));
    polls_of(fleet.create(&tenant, &Placement::Schema, &bed.migrator)).await
}

#[tokio::test]
async fn creation_dropped_after_n_polls_is_nothing_begun_or_done() {
    let bed = Bed::open().await;
    let placement = Placement::Schema;
    let mut seen = std::collections::BTreeSet::new();
    let all = polls_of_creation(&bed).await;
    // In steps, and between them where a busy machine has other polls than were counted.
    for from in 0..4 {
        for polls in last_polls(all, 48).skip(from).step_by(4) {
            let tenant = format!("t{polls}");
            let fleet = old();
            let (tenant_id, after) = (id(&tenant), format!("after {polls} polls"));
            let creation = fleet.create(&tenant_id, &placement, &bed.migrator);
            let finished = poll_times(creation, polls).await.is_some();
            seen.insert(assert_whole(&bed, &tenant, &after).await);
            if finished {
                break;
            }
        }
        if seen.contains("registered") && seen.contains("made") {
            break;
        }
    }
    assert!(
        seen.contains("registered") && seen.contains("made"),
        "{seen:?}"
    );
    // The next run finishes what is registered.
    let report = old().run(&bed.migrator).await.unwrap();
    assert!(report.is_complete(), "{:?}", report.failed);
    assert!(
        bed.ask("SELECT 1 FROM dotmac_tenants WHERE state <> 'active'")
            .await
            .is_none()
    );
    assert!(old().run(&bed.migrator).await.unwrap().done.is_empty());
}

#[tokio::test]
async fn creation_is_finished_by_the_next_attempt() {
    let bed = Bed::open().await;
    let placement = Placement::Schema;
    for polls in last_polls(polls_of_creation(&bed).await, 48).step_by(8) {
        let fleet = old();
        let acme = id("acme");
        let creation = fleet.create(&acme, &placement, &bed.migrator);
        match poll_times(creation, polls).await {
            None => {}
            Some(Ok(record)) => {
                assert_eq!(record.state, TenantState::Active);
                break;
            }
            // The attempt before was done, and nobody heard of it.
            Some(Err(error)) => {
                assert!(error.to_string().contains("exists already"), "{error}");
                break;
            }
        }
    }
    assert_eq!(assert_whole(&bed, "acme", "in the end").await, "made");
}

#[tokio::test]
async fn creation_whose_backend_dies_at_every_step_leaves_no_trace() {
    let bed = Bed::open().await;
    let placement = Placement::Schema;
    let mut died = 0;
    for polls in last_polls(polls_of_creation(&bed).await, 60).step_by(4) {
        let tenant = format!("k{polls}");
        let fleet = old();
        let tenant_id = id(&tenant);
        let mut creation = std::pin::pin!(fleet.create(&tenant_id, &placement, &bed.migrator));
        let early = poll_times(creation.as_mut(), polls).await;
        bed.kill().await;
        let ended = match early {
            Some(ended) => ended,
            None => creation.await,
        };
        let after = format!("killed after {polls} polls: {ended:?}");
        let whole = assert_whole(&bed, &tenant, &after).await;
        match ended {
            Ok(_) => assert_eq!(whole, "made", "{after}"),
            Err(_) => {
                died += 1;
                assert_ne!(whole, "made", "{after}");
                let again = old().create(&tenant_id, &placement, &bed.migrator).await;
                again.unwrap();
            }
        }
    }
    assert!(died > 0, "the test must kill: {died}");
}

#[tokio::test]
async fn failed_or_killed_migration_leaves_no_schema() {
    let bed = Bed::open().await;
    let placement = Placement::Schema;
    let gate = bed.close_gate().await;
    let killed = async {
        bed.until_waiting(1).await;
        assert_eq!(
            bed.record("acme").await.unwrap().state,
            TenantState::Creating
        );
        bed.kill().await;
    };
    let (fleet, acme) = (new(), id("acme"));
    let (created, ()) = tokio::join!(fleet.create(&acme, &placement, &bed.migrator), killed);
    assert_eq!(kind(created), ErrorKind::ConnectionLost);
    gate.rollback().await.unwrap();
    assert_eq!(bed.record("acme").await, None);
    assert!(!bed.has_schema("tenant_acme").await);
    fleet
        .create(&acme, &placement, &bed.migrator)
        .await
        .unwrap();
    assert_eq!(bed.shape("tenant_acme").await, "id,body and more");
}

#[tokio::test]
async fn rename_and_drop_after_n_polls_are_done_or_not() {
    let bed = Bed::with(&["acme"]).await;
    old().suspend(&id("acme"), &bed.migrator).await.unwrap();
    let names = ["tenant_acme", "other"];
    let all = {
        let (fleet, acme) = (old(), id("acme"));
        let to = SchemaName::parse("other").unwrap();
        polls_of(fleet.rename(&acme, &to, &bed.migrator)).await
    };
    for polls in last_polls(all, 30).step_by(3) {
        let to = SchemaName::parse(names[polls % 2]).unwrap();
        let (fleet, acme) = (old(), id("acme"));
        let _ = poll_times(fleet.rename(&acme, &to, &bed.migrator), polls).await;
        // The schema that the directory names is there.
        let moment = bed.moment("acme").await;
        assert!(moment.has_schema, "after {polls} polls");
        assert_eq!(moment.shape, "id");
    }
    for polls in last_polls(all, 30).step_by(3) {
        let (fleet, acme) = (old(), id("acme"));
        let mode = DropMode::Restrict;
        let dropped = fleet.drop(&acme, "acme", mode, &bed.migrator);
        let is_done = poll_times(dropped, polls).await.is_some();
        let left = bed
            .ask(
                "SELECT (SELECT count(*) FROM dotmac_tenants), (SELECT count(*) FROM pg_namespace \
                 WHERE nspname IN ('tenant_acme', 'other'))",
            )
            .await;
        match left.as_deref() {
            Some("(1,1)") => assert!(!is_done),
            Some("(0,0)") => return,
            half => panic!("after {polls} polls: {half:?}"),
        }
    }
    panic!("never dropped");
}

#[tokio::test]
async fn archive_after_n_polls_is_suspended_at_most() {
    let bed = Bed::with(&["acme"]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tenant_acme.dump");
    let all = polls_of_creation(&bed).await;
    for polls in (all - 60..all + 90).step_by(6) {
        let (fleet, acme) = (old(), id("acme"));
        let archive = fleet.archive(&acme, Some(folder.path()), &bed.migrator);
        let archived = poll_times(archive, polls).await;
        let state = bed.record("acme").await.unwrap().state;
        if state == TenantState::Archived {
            assert!(file.exists());
            assert!(archived.is_none_or(|archived| archived.is_ok()));
            return;
        }
        assert!(matches!(
            state,
            TenantState::Active | TenantState::Suspended
        ));
        bed.admin.execute_unprepared("SELECT 1").await.unwrap();
    }
    panic!("never archived");
}
