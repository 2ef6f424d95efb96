//! Databases that are connected when they are asked for, and closed when nobody uses them.

use std::sync::Arc;
use std::time::Duration;

use dotmac_database::prelude::*;
use dotmac_database::tenancy::DatabaseLimits;
use dotmac_database::{TenancyError, telemetry};
use futures_util::future::join_all;
use sea_orm::ConnectionTrait;

use super::fleet::{Fleet, current};
use crate::cancellation::poll_times;
use crate::health::Noted;
use crate::support::{A, context, kind};

fn limits(max_open: usize) -> DatabaseLimits {
    DatabaseLimits::default().max_open(max_open)
}

/// Longer than any test waits for a place that must come free.
const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(20);

#[tokio::test]
async fn database_is_connected_once_however_many_ask() {
    let fleet = Fleet::open(1, limits(5)).await;
    assert_eq!(fleet.connects(), 0);
    let asked = join_all((0..50).map(|_| fleet.database(0))).await;
    assert!(asked.iter().all(Result::is_ok));
    fleet.database(0).await.unwrap();
    assert_eq!(fleet.connects(), 1);
    assert_eq!(fleet.databases.statistics().connected, 1);
}

#[tokio::test]
async fn connect_goes_on_where_whoever_asked_is_gone() {
    let fleet = Fleet::open(1, limits(1)).await;
    assert!(poll_times(fleet.database(0), 1).await.is_none());
    fleet.until(|it| it.idle == 1).await;
    let db = fleet.database(0).await.unwrap();
    db.ping().await.unwrap();
    assert_eq!(fleet.connects(), 1);
}

#[tokio::test]
async fn connect_that_fails_is_told_to_all_who_wait_and_tried_again_later() {
    let fleet = Fleet::open(1, limits(1)).await;
    fleet.set_broken(true);
    let asked = join_all((0..10).map(|_| fleet.database(0))).await;
    for failed in asked {
        assert_eq!(kind(failed), ErrorKind::Session);
    }
    assert_eq!(
        (fleet.connects(), fleet.databases.statistics().failed),
        (1, 1)
    );
    fleet.set_broken(false);
    fleet.database(0).await.unwrap();
    assert_eq!(fleet.connects(), 2);
}

#[tokio::test]
async fn database_that_was_idle_for_the_longest_time_gives_up_its_place() {
    let fleet = Fleet::open(3, limits(2)).await;
    for n in [0, 1, 0, 2] {
        let db = fleet.database(n).await.unwrap();
        let read = db.read(&context(A), async |tx| current(tx).await).await;
        assert_eq!(read.unwrap(), fleet.names[n].as_str());
    }
    assert_eq!(fleet.connects(), 3);
    let statistics = fleet.databases.statistics();
    assert_eq!(
        (statistics.evicted, statistics.idle, statistics.max),
        (1, 2, 2)
    );
    // The one that was used in between is still there; the other is not.
    fleet.database(0).await.unwrap();
    assert_eq!(fleet.connects(), 3);
    fleet.database(1).await.unwrap();
    assert_eq!(fleet.connects(), 4);
}

#[tokio::test]
async fn database_in_use_is_not_closed_under_its_user() {
    let fleet = Fleet::open(2, limits(1).wait_limit(SHORT)).await;
    let in_use = async || {
        let error = fleet.database(1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PoolTimeout);
        assert!(
            matches!(
                error,
                Error::Tenancy(TenancyError::DatabasesInUse { open: 1 })
            ),
            "{error}"
        );
    };
    let handle = fleet.database(0).await.unwrap();
    in_use().await;
    // A clone, another tenancy, a session before and after its first statement, what is nested in it.
    let clone = handle.clone();
    drop(handle);
    in_use().await;
    let session = clone.begin(&context(A)).unwrap();
    drop(clone);
    in_use().await;
    session.execute_unprepared("SELECT 1").await.unwrap();
    in_use().await;
    let nested = session.nested().unwrap();
    nested.execute_unprepared("SELECT 1").await.unwrap();
    nested.commit().await.unwrap();
    session.commit().await.unwrap();
    fleet.database(1).await.unwrap();
    let statistics = fleet.databases.statistics();
    assert_eq!((statistics.waited, statistics.gave_up), (4, 4));
}

#[tokio::test]
async fn whoever_waits_gets_the_place_that_comes_free() {
    let fleet = Fleet::open(2, limits(1).wait_limit(LONG)).await;
    let fleet = Arc::new(fleet);
    let db = fleet.database(0).await.unwrap();
    let session = db.begin(&context(A)).unwrap();
    drop(db);
    let waiting = {
        let fleet = Arc::clone(&fleet);
        tokio::spawn(async move { fleet.database(1).await.map(drop) })
    };
    fleet.until(|it| it.waited == 1).await;
    drop(session);
    waiting.await.unwrap().unwrap();
    assert_eq!(fleet.databases.statistics().evicted, 1);
}

#[tokio::test]
async fn database_that_nobody_uses_is_closed_after_a_time() {
    let fleet = Fleet::open(2, limits(5).idle_timeout(SHORT)).await;
    let held = fleet.database(0).await.unwrap();
    fleet.database(1).await.unwrap();
    fleet.until(|it| it.expired == 1 && it.idle == 0).await;
    assert_eq!(fleet.databases.statistics().in_use, 1);
    held.ping().await.unwrap();
    drop(held);
    fleet.until(|it| it.expired == 2).await;
    fleet.database(0).await.unwrap().ping().await.unwrap();
}

#[tokio::test]
async fn close_cuts_off_what_is_open_at_the_deadline_and_hands_out_nothing_more() {
    let fleet = Fleet::open(2, limits(2)).await;
    let db = fleet.database(0).await.unwrap();
    fleet.database(1).await.unwrap();
    let session = db.begin(&context(A)).unwrap();
    session.execute_unprepared("SELECT 1").await.unwrap();
    let closed = fleet.databases.close_within(SHORT).await;
    assert_eq!(closed.cut_off, 1);
    let cut_off = session.execute_unprepared("SELECT 1").await.map(drop);
    assert_eq!(kind(cut_off), ErrorKind::Closed);
    for n in [0, 1] {
        assert_eq!(kind(fleet.database(n).await), ErrorKind::Closed);
    }
    assert_eq!(fleet.databases.close_within(SHORT).await.cut_off, 0);
}

#[tokio::test]
async fn close_ends_the_wait_for_a_place() {
    let fleet = Arc::new(Fleet::open(2, limits(1).wait_limit(LONG)).await);
    let db = fleet.database(0).await.unwrap();
    let waiting = {
        let fleet = Arc::clone(&fleet);
        tokio::spawn(async move { fleet.database(1).await.map(drop) })
    };
    fleet.until(|it| it.waited == 1).await;
    assert_eq!(fleet.databases.close_within(LONG).await.cut_off, 0);
    assert_eq!(kind(waiting.await.unwrap()), ErrorKind::Closed);
    assert_eq!(kind(db.ping().await), ErrorKind::Closed);
}

#[tokio::test]
async fn more_databases_than_places_serve_everybody_in_turn() {
    let fleet = Fleet::open(4, limits(2).wait_limit(LONG)).await;
    let fleet = Arc::new(fleet);
    let tasks: Vec<_> = (0..8_usize)
        .map(|task| {
            let fleet = Arc::clone(&fleet);
            tokio::spawn(async move {
                for turn in 0..6 {
                    let n = (task * 3 + turn * 5) % 4;
                    let db = fleet.database(n).await.unwrap();
                    let session = db.begin(&context(A)).unwrap();
                    drop(db);
                    assert_eq!(current(&session).await.unwrap(), fleet.names[n].as_str());
                    session.commit().await.unwrap();
                    let statistics = fleet.databases.statistics();
                    let open = statistics.connecting + statistics.idle + statistics.in_use;
                    assert!(open <= 2, "{statistics:?}");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn metrics_carry_what_became_of_the_databases() {
    let fleet = Fleet::open(3, limits(2)).await;
    let held = fleet.database(0).await.unwrap();
    for n in [1, 2] {
        fleet.database(n).await.unwrap();
    }
    let recorder = Noted::default();
    metrics::with_local_recorder(&recorder, || fleet.databases.record_metrics());
    let values = recorder.0.lock().unwrap().clone();
    let value = |name: &str, label: &str| {
        let key = format!("{name}{{{label}}}");
        *values
            .get(&key)
            .unwrap_or_else(|| panic!("{key} in {values:#?}"))
    };
    for (state, count) in [
        ("connecting", 0.0),
        ("idle", 1.0),
        ("in_use", 1.0),
        ("max", 2.0),
    ] {
        let label = format!("state={state}");
        assert_eq!(value(telemetry::DATABASES_OPEN, &label), count, "{state}");
    }
    for (event, count) in [
        ("connected", 3.0),
        ("failed", 0.0),
        ("evicted", 1.0),
        ("expired", 0.0),
        ("waited", 0.0),
        ("gave_up", 0.0),
    ] {
        let label = format!("event={event}");
        assert_eq!(value(telemetry::DATABASES_COUNT, &label), count, "{event}");
    }
    drop(held);
}
