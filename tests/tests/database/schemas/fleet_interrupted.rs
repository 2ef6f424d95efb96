//! I54: runs over the fleet that are interrupted at every step.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use dotmac_database::migrate::FleetEvent;
use sea_orm::ConnectionTrait;

use super::fleet_bed::{Bed, new};
use crate::support::admin;

/// A tenant's schema is at its old version or at the new one, as the directory says.
async fn assert_whole(bed: &Bed, tenant: &str, after: &str) -> bool {
    let moment = bed.moment(tenant).await;
    let shape = match moment.version.as_deref() {
        Some("1 m1_notes") => "id",
        Some("2 m2_bodies") => "id,body and more",
        version => panic!("{version:?}"),
    };
    assert_eq!(moment.shape, shape, "{after}");
    shape != "id"
}

#[tokio::test]
async fn i54_run_dropped_after_n_polls_is_resumed_by_the_next() {
    let tenants: Vec<String> = (10..26).map(|n| format!("t{n}")).collect();
    let names: Vec<&str> = tenants.iter().map(String::as_str).collect();
    let bed = Bed::with(&names).await;
    let mut partly = 0;
    for polls in 1.. {
        // From the first tenant on: before that, the connections log in.
        let begun = Arc::new(AtomicBool::new(false));
        let first = Arc::clone(&begun);
        let fleet = new().concurrency(2).observe(move |event| {
            if matches!(event, FleetEvent::Done { .. }) {
                first.store(true, Ordering::Relaxed);
            }
        });
        let mut run = std::pin::pin!(fleet.run(&bed.migrator));
        let mut left = polls;
        let ended = std::future::poll_fn(|cx| match run.as_mut().poll(cx) {
            Poll::Ready(report) => Poll::Ready(Some(report)),
            Poll::Pending if !begun.load(Ordering::Relaxed) => Poll::Pending,
            Poll::Pending => {
                left -= 1;
                match left {
                    0 => Poll::Ready(None),
                    _ => Poll::Pending,
                }
            }
        })
        .await;
        let mut done = 0;
        for tenant in &names {
            let after = format!("after {polls} polls");
            done += usize::from(assert_whole(&bed, tenant, &after).await);
        }
        partly += usize::from(done > 0 && done < names.len());
        if let Some(report) = ended {
            assert!(report.unwrap().is_complete());
            assert_eq!(done, names.len());
            assert!(partly > 3, "the test must interrupt: {partly}");
            return;
        }
    }
}

#[tokio::test]
async fn i54_killed_backend_fails_its_tenant_only() {
    let bed = Bed::with(&["a", "b", "c"]).await;
    let gate = bed.close_gate().await;
    let kill = async {
        bed.until_waiting(1).await;
        bed.kill().await;
        gate.rollback().await.unwrap();
    };
    let fleet = new().concurrency(1);
    let (report, ()) = tokio::join!(fleet.run(&bed.migrator), kill);
    let report = report.unwrap();
    assert_eq!(
        (report.failed.len(), report.done.len()),
        (1, 2),
        "{report:?}"
    );
    assert_eq!(report.failed[0].tenant.as_str(), "a");
    assert!(bed.record("a").await.unwrap().error.is_some());
    assert!(!assert_whole(&bed, "a", "killed").await);
    let report = new().run(&bed.migrator).await.unwrap();
    assert_eq!((report.done.len(), report.skipped), (1, 2));
}

#[tokio::test]
async fn i54_run_stops_where_the_server_is_gone() {
    let bed = Bed::with(&["a", "b", "c"]).await;
    let gate = bed.close_gate().await;
    let elsewhere = admin("postgres").await;
    let allow = |whether: bool| {
        let name = bed.database.name();
        let sql = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {whether}");
        let elsewhere = &elsewhere;
        async move { elsewhere.execute_unprepared(&sql).await.unwrap() }
    };
    let lost = async {
        bed.until_waiting(1).await;
        allow(false).await;
        bed.kill().await;
    };
    let fleet = new().concurrency(1);
    let (report, ()) = tokio::join!(fleet.run(&bed.migrator), lost);
    let report = report.unwrap();
    assert_eq!(
        (report.failed.len(), report.remaining.len()),
        (1, 2),
        "{report:?}"
    );
    allow(true).await;
    gate.rollback().await.unwrap();
    for tenant in ["a", "b", "c"] {
        assert!(!assert_whole(&bed, tenant, "stopped").await);
    }
    assert_eq!(new().run(&bed.migrator).await.unwrap().done.len(), 3);
}
