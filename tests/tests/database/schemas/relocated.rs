//! A tenant moves to another database and between two, with all its rows or not at all.

use dotmac_database::TenancyError;
use dotmac_database::migrate::{DropMode, Fleet};
use dotmac_database::prelude::*;
use dotmac_database::tenancy::TenantState;
use migration::{Migrator, TenantMigrator};
use sea_orm::TransactionTrait;

use super::fleet_bed::{id, last_polls, polls_of};
use super::relocation_bed::{Estate, placement};
use super::site::{not_clonable, run, text};
use super::transfer::{NUMBERED, next_numbers};
use crate::cancellation::poll_times;
use crate::support::kind;

#[track_caller]
fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> TenancyError {
    match result.unwrap_err() {
        Error::Tenancy(error) => error,
        error => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn a_tenant_moves_between_all_places_with_all_rows() {
    let estate = Estate::open().await;
    for place in [
        "database:eu",
        "database:us",
        "schema",
        "database:eu",
        "rows",
    ] {
        for _ in 0..2 {
            let moved = estate.move_to(place).await.unwrap();
            assert_eq!(moved.placement, placement(place));
            assert_eq!(moved.state, TenantState::Suspended);
            assert_eq!(moved.version.is_some(), place != "rows");
            estate.assert_clean(place).await;
        }
    }
}

#[tokio::test]
async fn a_move_between_databases_that_is_dropped_at_any_poll_is_finished_by_the_next() {
    let estate = Estate::open().await;
    // The first migrates the other database; the next are all alike.
    estate.move_to("database:us").await.unwrap();
    let all = polls_of(estate.move_to("database:eu")).await;
    let mut seen = std::collections::BTreeSet::new();
    for (turn, polls) in last_polls(all, all / 3).step_by(1 + all / 12).enumerate() {
        let place = ["database:us", "database:eu"][turn % 2];
        let after = format!("after {polls} of {all} polls");
        let moved = poll_times(estate.move_to(place), polls).await.is_some();
        let there = estate.assert_whole(&after).await == place;
        seen.insert((there, !estate.moves().await.is_empty()));
        assert!(there || !moved, "{after}");
        estate.move_to(place).await.unwrap();
        estate.assert_clean(&after).await;
    }
    // Neither begun nor done, but noted.
    assert!(seen.contains(&(false, true)), "{seen:?}");
}

#[tokio::test]
async fn a_kill_before_the_switch_leaves_the_old_place_whole() {
    let estate = Estate::open().await;
    for place in ["database:eu", "schema"] {
        let before = estate.record("acme").await.placement.to_string();
        copied_only(&estate, place).await;
        assert_eq!(estate.assert_whole("killed").await, before);
        assert_eq!(estate.moves().await, [format!("acme {place}")]);
        // It can be given up, or finished.
        if place == "schema" {
            estate.move_to(&before).await.unwrap();
            estate.assert_clean("given up").await;
        }
        estate.move_to(place).await.unwrap();
        estate.assert_clean("finished").await;
    }
}

/// Copies acme to a place, and ends the connections to the directory before the switch: it can be read, not
/// written; the copy is there, and the old rows are about to go.
async fn copied_only(estate: &Estate, place: &str) {
    let gate = estate.home.admin.begin().await.unwrap();
    run("LOCK TABLE dotmac_tenants IN SHARE MODE", &gate).await;
    let kill = async {
        estate.home.until_waiting_for("dotmac_tenants").await;
        estate.assert_whole("before the kill").await;
        estate.home.kill().await;
        gate.rollback().await.unwrap();
    };
    let (killed, ()) = tokio::join!(estate.move_to(place), kill);
    assert_eq!(kind(killed), ErrorKind::ConnectionLost);
}

#[tokio::test]
async fn a_switch_that_is_still_being_committed_is_waited_for() {
    let estate = Estate::open().await;
    copied_only(&estate, "database:eu").await;
    // The last words of that process are on their way.
    let switch = estate.home.admin.begin().await.unwrap();
    let words = "UPDATE dotmac_tenants SET placement = 'database:eu' WHERE tenant_id = 'acme'; \
        UPDATE dotmac_moves SET placement = 'rows' WHERE tenant_id = 'acme'";
    run(words, &switch).await;
    let commit = async {
        estate.home.until_any_waits().await;
        switch.commit().await.unwrap();
    };
    let (moved, ()) = tokio::join!(estate.move_to("rows"), commit);
    assert_eq!(moved.unwrap().placement, placement("rows"));
    estate.assert_clean("given up too late").await;
}

#[tokio::test]
async fn a_move_that_lost_its_lock_does_not_switch() {
    let estate = Estate::open().await;
    let gate = estate.home.admin.begin().await.unwrap();
    run("LOCK TABLE dotmac_tenants IN SHARE MODE", &gate).await;
    let lose = async {
        estate.home.until_waiting_for("dotmac_tenants").await;
        let sql = "SELECT count(pg_terminate_backend(pid))::text FROM pg_locks \
            WHERE locktype = 'advisory' AND granted \
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        assert_eq!(text(sql, &estate.home.admin).await, "1");
        gate.rollback().await.unwrap();
    };
    let (moved, ()) = tokio::join!(estate.move_to("database:eu"), lose);
    assert_eq!(kind(moved), ErrorKind::ConnectionLost);
    assert_eq!(estate.assert_whole("lost").await, "rows");
    estate.move_to("database:eu").await.unwrap();
    estate.assert_clean("again").await;
}

/// Moves acme from one of the other databases to the other one, and leaves it in the first one as well.
async fn switched_only(estate: &Estate, from: &str, to: &str) {
    let gate = estate.home.admin.begin().await.unwrap();
    run("LOCK TABLE dotmac_tenants IN SHARE MODE", &gate).await;
    let kill = async {
        estate.home.until_waiting_for("dotmac_tenants").await;
        estate.others[from].kill().await;
        gate.rollback().await.unwrap();
    };
    let there = format!("database:{to}");
    let (killed, ()) = tokio::join!(estate.move_to(&there), kill);
    assert_eq!(kind(killed), ErrorKind::ConnectionLost);
    assert_eq!(estate.assert_whole("switched").await, there);
    assert_eq!(estate.moves().await, [format!("acme database:{from}")]);
}

#[tokio::test]
async fn rows_left_behind_by_a_kill_after_the_switch_are_removed_by_the_next_move() {
    let estate = Estate::open().await;
    let (acme, fleet, db) = (id("acme"), &estate.fleet, &estate.migrator);
    estate.move_to("database:eu").await.unwrap();
    switched_only(&estate, "eu", "us").await;
    // It is served meanwhile, and may not be dropped before.
    fleet.resume(&acme, db).await.unwrap();
    let dropped = fleet.drop(&acme, "acme", DropMode::Cascade, db).await;
    let dropped = refusal(dropped).to_string();
    assert!(dropped.contains("is moving"), "{dropped}");
    estate.move_to("database:us").await.unwrap();
    estate.assert_clean("the same again").await;

    fleet.suspend(&acme, db).await.unwrap();
    switched_only(&estate, "us", "eu").await;
    estate.move_to("rows").await.unwrap();
    estate.assert_clean("to somewhere else").await;
}

#[tokio::test]
async fn rows_left_behind_that_were_written_to_are_kept() {
    let estate = Estate::open().await;
    estate.move_to("database:eu").await.unwrap();
    switched_only(&estate, "eu", "us").await;
    let eu = &estate.others["eu"];
    let write = "UPDATE orders SET total_cents = 7 WHERE tenant_id = 'acme' AND number = 'A-1'";
    run(write, &eu.admin).await;
    for place in ["database:us", "rows"] {
        let (object, reason) = not_clonable(estate.move_to(place).await);
        assert_eq!(object, "table \"orders\"");
        assert!(reason.contains("since they were copied"), "{reason}");
        assert_eq!(eu.rows("public", "acme").await.len(), 6);
        assert_eq!(estate.assert_whole("kept").await, "database:us");
    }
}

#[tokio::test]
async fn a_write_during_the_move_stops_it_and_nothing_is_lost() {
    let estate = Estate::open().await;
    let home = &estate.home.admin;
    for (write, left) in [
        (
            "UPDATE orders SET total_cents = 7 WHERE tenant_id = 'acme' AND number = 'A-1'",
            "6 16",
        ),
        (
            "SET LOCAL session_replication_role = replica; \
             DELETE FROM orders WHERE tenant_id = 'acme'; DELETE FROM users WHERE tenant_id = 'acme'",
            "0 ",
        ),
    ] {
        let straggler = home.begin().await.unwrap();
        run(write, &straggler).await;
        let commit = async {
            // The copy does not wait for it, the removal does.
            estate.home.until_waiting_for("orders").await;
            straggler.commit().await.unwrap();
        };
        let (moved, ()) = tokio::join!(estate.move_to("database:eu"), commit);
        let (object, reason) = not_clonable(moved);
        assert_eq!(object, "table \"orders\"");
        assert!(reason.contains("since they were copied"), "{reason}");
        let rows = estate.home.rows("public", "acme").await.len();
        let sum =
            "SELECT coalesce(sum(total_cents)::text, '') FROM orders WHERE tenant_id = 'acme'";
        assert_eq!(format!("{rows} {}", text(sum, home).await), left);
        // The copy is gone already.
        assert_eq!(estate.others["eu"].rows("public", "acme").await, [""; 0]);
        assert!(estate.moves().await.is_empty());
    }
}

#[tokio::test]
async fn a_tenant_that_is_resumed_during_its_move_stays() {
    let estate = Estate::open().await;
    let gate = estate.home.admin.begin().await.unwrap();
    run("LOCK TABLE orders IN ROW EXCLUSIVE MODE", &gate).await;
    let resume = async {
        estate.home.until_waiting_for("orders").await;
        let sql = "UPDATE dotmac_tenants SET state = 'active' WHERE tenant_id = 'acme'";
        run(sql, &estate.home.admin).await;
        gate.rollback().await.unwrap();
    };
    let (moved, ()) = tokio::join!(estate.move_to("database:eu"), resume);
    assert!(matches!(refusal(moved), TenancyError::State { .. }));
    estate.assert_clean("resumed").await;
}

#[tokio::test]
async fn a_place_where_rows_cannot_come_is_refused_and_left_as_it_is() {
    let estate = Estate::open().await;
    let nowhere = Fleet::<Migrator, TenantMigrator>::new();
    let (acme, there) = (id("acme"), placement("database:eu"));
    let moved = nowhere.move_to(&there, &acme, &estate.migrator).await;
    assert!(matches!(refusal(moved), TenancyError::State { .. }));
    estate.assert_clean("unknown database").await;
    // Another shape.
    let eu = &estate.others["eu"];
    run("ALTER TABLE orders ADD more text", &eu.admin).await;
    let (object, reason) = not_clonable(estate.move_to("database:eu").await);
    assert_eq!(object, "table \"orders\"");
    assert!(reason.contains("not the same"), "{reason}");
    run("ALTER TABLE orders DROP more", &eu.admin).await;
    estate.assert_clean("another shape").await;
    // Rows of the same tenant that nobody has moved there.
    let foreign = "INSERT INTO orders (id, tenant_id, number, total_cents) \
        VALUES (gen_random_uuid(), 'acme', 'mine', 1)";
    run(foreign, &eu.admin).await;
    let (object, reason) = not_clonable(estate.move_to("database:eu").await);
    assert_eq!(object, "table \"orders\"");
    assert!(reason.contains("already"), "{reason}");
    assert_eq!(eu.rows("public", "acme").await.len(), 1);
    assert!(estate.moves().await.is_empty());
    // A schema that is somebody else's.
    estate.move_to("database:us").await.unwrap();
    run("CREATE SCHEMA tenant_acme", &estate.home.admin).await;
    let taken = refusal(estate.move_to("schema").await);
    assert!(matches!(taken, TenancyError::SchemaExists { .. }));
    assert_eq!(estate.assert_whole("schema taken").await, "database:us");
}

#[tokio::test]
async fn numbers_go_on_in_the_other_database() {
    let estate = Estate::open().await;
    let eu = &estate.others["eu"];
    for site in [&estate.home, eu] {
        let owner = &site.database.roles().owner;
        run(&NUMBERED.replace("shop_owner", owner), &site.admin).await;
    }
    let given = "SELECT setval('orders_ticket_seq', 50)::text";
    text(given, &estate.home.admin).await;
    estate.move_to("database:eu").await.unwrap();
    // At home, ten orders have numbers.
    let next = next_numbers("public", "B-1", &eu.admin).await;
    assert_eq!(next, "51 11 -11 C-11");
    estate.move_to("rows").await.unwrap();
    let next = next_numbers("public", "B-2", &estate.home.admin).await;
    assert_eq!(next, "52 12 -12 C-12");
}
