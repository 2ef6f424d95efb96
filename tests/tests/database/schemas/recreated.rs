//! A tenant of an id that was dropped is a new one: it is not given the rows of the old one.

use dotmac_database::TenancyError;
use dotmac_database::migrate::DropMode;
use dotmac_database::prelude::*;
use dotmac_database::tenancy::{Directory, Placement, TenantRecord, TenantState};
use sea_orm::TransactionTrait;

use super::fleet_bed::{Bed, id, old};
use super::relocation_bed::{Estate, placement};
use super::site::run;

async fn create(estate: &Estate, tenant: &str, place: &str) -> Result<TenantRecord, Error> {
    let (tenant, place) = (id(tenant), placement(place));
    estate.fleet.create(&tenant, &place, &estate.migrator).await
}

async fn drop(estate: &Estate, tenant: &str) {
    let (mode, db) = (DropMode::Restrict, &estate.migrator);
    let dropped = estate.fleet.drop(&id(tenant), tenant, mode, db).await;
    dropped.unwrap();
}

/// The tables that are named as having rows of the tenant.
#[track_caller]
fn rows_of(created: Result<TenantRecord, Error>, of: &str) -> String {
    match created.unwrap_err() {
        Error::Tenancy(TenancyError::HasRows { tenant, tables }) => {
            assert_eq!(tenant, of);
            tables
        }
        error => panic!("{error:?}"),
    }
}

async fn known(estate: &Estate, tenant: &str) -> Option<TenantRecord> {
    let (directory, tenant) = (Directory::new(), id(tenant));
    let found = directory.find_on(&tenant, &estate.migrator).await;
    found.unwrap()
}

#[tokio::test]
async fn tenant_is_not_made_where_an_earlier_one_has_left_rows() {
    let estate = Estate::open().await;
    for (tenant, place) in [("beta", "rows"), ("gamma", "database:eu")] {
        drop(&estate, tenant).await;
        let refused = create(&estate, tenant, place).await;
        assert_eq!(rows_of(refused, tenant), "public.orders, public.users");
        assert_eq!(known(&estate, tenant).await, None);
    }
    // Each of them is new elsewhere.
    for (tenant, place) in [("beta", "database:eu"), ("gamma", "rows")] {
        let made = create(&estate, tenant, place).await.unwrap();
        assert_eq!(made.state, TenantState::Active);
    }
    assert_eq!(estate.home.rows("public", "gamma").await, [""; 0]);
}

#[tokio::test]
async fn tenant_that_leaves_no_rows_can_be_made_again() {
    let estate = Estate::open().await;
    // As the docs of `drop` say, from the shared tables and from another database.
    for (tenant, place) in [("beta", "rows"), ("gamma", "database:eu")] {
        let (tenant_id, db) = (id(tenant), &estate.migrator);
        estate.fleet.suspend(&tenant_id, db).await.unwrap();
        let moved = estate.fleet.move_to(&Placement::Schema, &tenant_id, db);
        moved.await.unwrap();
        drop(&estate, tenant).await;
        let made = create(&estate, tenant, place).await.unwrap();
        assert_eq!(made.state, TenantState::Active);
    }
}

#[tokio::test]
async fn tenant_that_has_rows_is_listed_by_registration() {
    let estate = Estate::open().await;
    let (directory, db) = (Directory::new(), &estate.migrator);
    for (tenant, place) in [("beta", "rows"), ("gamma", "database:eu")] {
        drop(&estate, tenant).await;
        let (tenant, place) = (id(tenant), placement(place));
        let listed = directory.register(&tenant, &place, None, db).await;
        listed.unwrap();
    }
    assert!(estate.fleet.run(db).await.unwrap().is_complete());
    for tenant in ["beta", "gamma"] {
        assert_eq!(estate.record(tenant).await.state, TenantState::Active);
    }
}

#[tokio::test]
async fn creation_that_was_interrupted_goes_on_over_rows_of_its_own() {
    let estate = Estate::open().await;
    create(&estate, "like", "database:us").await.unwrap();
    let us = &estate.others["us"];
    let gate = us.admin.begin().await.unwrap();
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended('dotmac database', 0))";
    run(lock, &gate).await;
    tokio::select! {
        made = create(&estate, "alike", "database:us") => panic!("{made:?}"),
        () = us.until_any_waits() => {}
    }
    gate.rollback().await.unwrap();
    assert_eq!(estate.record("alike").await.state, TenantState::Creating);
    // What a hook of the program has put there meanwhile.
    let seed = "INSERT INTO users (id, tenant_id, email, name) \
        VALUES (gen_random_uuid(), 'alike', 'first@example.com', 'first')";
    run(seed, &us.admin).await;
    let made = create(&estate, "alike", "database:us").await.unwrap();
    assert_eq!(made.state, TenantState::Active);
}

#[tokio::test]
async fn tenant_is_not_served_while_it_is_looked_for_rows() {
    let estate = Estate::open().await;
    drop(&estate, "beta").await;
    let gate = estate.home.admin.begin().await.unwrap();
    run("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE", &gate).await;
    let look = async {
        estate.home.until_waiting_for("orders").await;
        assert_eq!(known(&estate, "beta").await, None);
        gate.rollback().await.unwrap();
    };
    let (refused, ()) = tokio::join!(create(&estate, "beta", "rows"), look);
    rows_of(refused, "beta");
}

#[tokio::test]
async fn rows_that_a_policy_may_hide_are_not_taken_for_none() {
    let estate = Estate::open().await;
    drop(&estate, "beta").await;
    let hide = "DROP POLICY dotmac_migrator ON orders; DROP POLICY dotmac_migrator ON users";
    run(hide, &estate.home.admin).await;
    match create(&estate, "beta", "rows").await.unwrap_err() {
        Error::Tenancy(TenancyError::HiddenRows { tables, role }) => {
            assert_eq!(tables, "public.orders, public.users");
            assert_eq!(role, estate.home.database.roles().migrator);
        }
        error => panic!("{error:?}"),
    }
    assert_eq!(known(&estate, "beta").await, None);
}

#[tokio::test]
async fn rows_in_a_schema_that_an_entity_names_are_found_for_every_placement() {
    let bed = Bed::open().await;
    let make = format!(
        "CREATE SCHEMA crm; CREATE TABLE crm.days (tenant_id varchar(255)); \
         INSERT INTO crm.days VALUES ('acme'); GRANT USAGE ON SCHEMA crm TO {migrator}; \
         GRANT SELECT ON crm.days TO {migrator}",
        migrator = bed.database.roles().migrator,
    );
    run(&make, &bed.admin).await;
    for placement in [Placement::Schema, Placement::Rows] {
        let created = old().create(&id("acme"), &placement, &bed.migrator).await;
        assert_eq!(rows_of(created, "acme"), "crm.days");
        assert_eq!(bed.record("acme").await, None);
        assert!(!bed.has_schema("tenant_acme").await);
    }
    let other = old()
        .create(&id("beta"), &Placement::Schema, &bed.migrator)
        .await;
    other.unwrap();
}
