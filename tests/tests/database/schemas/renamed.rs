//! A schema under another name is out of the way, and never that of a tenant that is served.

use dotmac_database::prelude::*;
use dotmac_database::tenancy::{Placement, TenantState, Transition};
use dotmac_database::{SchemaName, TenancyError};
use sea_orm::TransactionTrait;

use super::fleet_bed::{Bed, id, old};
use super::site::{run, schema, until};

#[track_caller]
fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> TenancyError {
    match result.unwrap_err() {
        Error::Tenancy(error) => error,
        error => panic!("{error:?}"),
    }
}

#[track_caller]
fn assert_out_of_sight<T: std::fmt::Debug>(result: Result<T, Error>, name: &str) {
    match refusal(result) {
        TenancyError::SchemaOutOfSight {
            schema, expected, ..
        } => assert_eq!((schema.as_str(), expected.as_str()), (name, "tenant_acme")),
        error => panic!("{error:?}"),
    }
}

async fn rename(bed: &Bed, to: &str) -> Result<Option<SchemaName>, Error> {
    let (acme, to) = (id("acme"), schema(to));
    let renamed = old().rename(&acme, &to, &bed.migrator).await;
    Ok(renamed?.schema)
}

/// Comes back once a backend of the migrator waits for a row.
async fn until_row_is_waited_for(bed: &Bed) {
    let sql = format!(
        "SELECT 1::text FROM pg_stat_activity WHERE datname = current_database() \
         AND wait_event_type = 'Lock' AND wait_event <> 'advisory' AND usename = '{}'",
        bed.database.roles().migrator,
    );
    until(&sql, &bed.admin).await;
}

#[tokio::test]
async fn tenant_that_is_served_keeps_the_name_that_its_sessions_look_for() {
    let bed = Bed::with(&["acme"]).await;
    let db = &bed.migrator;
    assert_out_of_sight(rename(&bed, "aside").await, "aside");
    assert!(bed.has_schema("tenant_acme").await);
    old().suspend(&id("acme"), db).await.unwrap();
    rename(&bed, "aside").await.unwrap();
    assert_out_of_sight(old().resume(&id("acme"), db).await, "aside");
    let state = bed.record("acme").await.unwrap().state;
    assert_eq!(state, TenantState::Suspended);
    rename(&bed, "tenant_acme").await.unwrap();
    let resumed = old().resume(&id("acme"), db).await.unwrap();
    assert_eq!(resumed.state, TenantState::Active);
}

#[tokio::test]
async fn name_of_another_tenant_is_refused_whether_that_exists_or_not() {
    let bed = Bed::with(&["acme", "beta"]).await;
    let db = &bed.migrator;
    old().suspend(&id("acme"), db).await.unwrap();
    for name in ["tenant_beta", "tenant_zeta"] {
        match refusal(rename(&bed, name).await) {
            TenancyError::SchemaOfOther { schema, tenant } => {
                assert_eq!(schema, name);
                assert_eq!(format!("tenant_{tenant}"), name);
            }
            error => panic!("{error:?}"),
        }
    }
    let acme = bed.record("acme").await.unwrap();
    assert_eq!(acme.schema, Some(schema("tenant_acme")));
    assert!(bed.has_schema("tenant_acme").await);
    // Nor is it registered with one, in whatever database.
    for place in ["schema", "database:eu"] {
        let (zeta, place) = (id("zeta"), place.parse::<Placement>().unwrap());
        let (directory, other) = (&bed.directory, schema("tenant_beta"));
        let registered = directory.register(&zeta, &place, Some(&other), db).await;
        let refused = refusal(registered);
        assert!(matches!(refused, TenancyError::SchemaOfOther { .. }));
        assert_eq!(bed.record("zeta").await, None);
    }
}

#[tokio::test]
async fn tenant_is_not_registered_with_a_schema_that_its_sessions_would_not_find() {
    let bed = Bed::open().await;
    let (directory, acme, db) = (&bed.directory, id("acme"), &bed.migrator);
    let register = async |place: &str, name: &str| {
        let place = place.parse::<Placement>().unwrap();
        let name = schema(name);
        directory.register(&acme, &place, Some(&name), db).await
    };
    assert_out_of_sight(register("schema", "aside").await, "aside");
    assert_eq!(bed.record("acme").await, None);
    // Another database has search paths of its own.
    let there = register("database:eu", "shop").await.unwrap();
    assert_eq!(there.schema, Some(schema("shop")));
    let activate = Transition::Activate;
    directory.apply(activate, &acme, db).await.unwrap();
}

#[tokio::test]
async fn tenant_that_is_resumed_while_its_schema_is_renamed_is_not_cut_off() {
    let bed = Bed::with(&["acme"]).await;
    let db = &bed.migrator;
    old().suspend(&id("acme"), db).await.unwrap();
    // Whoever resumes it is first.
    let resume = bed.admin.begin().await.unwrap();
    let sql = "UPDATE dotmac_tenants SET state = 'active' WHERE tenant_id = 'acme'";
    run(sql, &resume).await;
    let commit = async {
        until_row_is_waited_for(&bed).await;
        resume.commit().await.unwrap();
    };
    let (renamed, ()) = tokio::join!(rename(&bed, "aside"), commit);
    assert_out_of_sight(renamed, "aside");
    assert!(bed.has_schema("tenant_acme").await);
    // Whoever renames it is first.
    old().suspend(&id("acme"), db).await.unwrap();
    let rename = bed.admin.begin().await.unwrap();
    let sql = "UPDATE dotmac_tenants SET schema_name = 'aside' WHERE tenant_id = 'acme'; \
        ALTER SCHEMA tenant_acme RENAME TO aside";
    run(sql, &rename).await;
    let commit = async {
        until_row_is_waited_for(&bed).await;
        rename.commit().await.unwrap();
    };
    let (fleet, acme) = (old(), id("acme"));
    let (resumed, ()) = tokio::join!(fleet.resume(&acme, db), commit);
    assert_out_of_sight(resumed, "aside");
    let state = bed.record("acme").await.unwrap().state;
    assert_eq!(state, TenantState::Suspended);
}
