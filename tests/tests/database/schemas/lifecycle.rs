//! The life of a tenant with a schema of its own: made, renamed, suspended, archived, dropped.

use std::process::Command;

use dotmac_database::migrate::DropMode;
use dotmac_database::prelude::*;
use dotmac_database::tenancy::{CloneData, Placement, TenantState};
use dotmac_database::{SchemaName, TenancyError};
use sea_orm::ConnectionTrait;

use super::fleet_bed::{Bed, id, new, old};
use crate::support::kind;

#[track_caller]
fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> TenancyError {
    match result.unwrap_err() {
        Error::Tenancy(error) => error,
        error => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn tenant_is_made_with_schema_grants_and_version() {
    let bed = Bed::open().await;
    let created = old()
        .create(&id("acme"), &Placement::Schema, &bed.migrator)
        .await;
    let record = created.unwrap();
    assert_eq!(record.state, TenantState::Active);
    assert_eq!(record.version.as_ref().unwrap().to_string(), "1 m1_notes");
    assert_eq!(Some(record), bed.record("acme").await);
    assert_eq!(bed.shape("tenant_acme").await, "id");
    assert_eq!(bed.shape("public").await, "");
    let roles = bed.database.roles();
    let may = |role: &str, what: &str| {
        let sql = format!("SELECT has_schema_privilege('{role}', 'tenant_acme', '{what}')");
        let bed = &bed;
        async move { bed.ask(&sql).await.unwrap() == "(t)" }
    };
    for role in [&roles.application, &roles.system] {
        assert!(may(role, "USAGE").await);
        assert!(!may(role, "CREATE").await);
    }
    assert!(may(&roles.owner, "CREATE").await);
    let rows = old()
        .create(&id("rows"), &Placement::Rows, &bed.migrator)
        .await;
    assert_eq!(rows.unwrap().state, TenantState::Active);
}

#[tokio::test]
async fn refused_tenant_leaves_no_trace() {
    let bed = Bed::with(&["acme"]).await;
    let db = &bed.migrator;
    let create = async |tenant| old().create(&id(tenant), &Placement::Schema, db).await;
    assert!(matches!(
        refusal(create("acme").await),
        TenancyError::TenantExists { .. }
    ));
    let sql = "CREATE SCHEMA tenant_beta; CREATE TABLE tenant_beta.mine (id integer)";
    bed.admin.execute_unprepared(sql).await.unwrap();
    assert!(matches!(
        refusal(create("beta").await),
        TenancyError::SchemaExists { .. }
    ));
    assert_eq!(bed.record("beta").await, None);
    assert!(bed.ask("SELECT 1 FROM tenant_beta.mine").await.is_none());
    assert_eq!(kind(create("Beta").await), ErrorKind::InvalidContext);
    // A database that nobody said how to connect to.
    let elsewhere = "database:eu".parse().unwrap();
    let created = old().create(&id("eu"), &elsewhere, db).await;
    assert!(matches!(refusal(created), TenancyError::State { .. }));
    assert_eq!(bed.record("eu").await, None);
    // A role that may make no schema.
    let sql = format!(
        "REVOKE CREATE ON DATABASE {} FROM {}",
        bed.database.name(),
        bed.database.roles().migrator,
    );
    bed.admin.execute_unprepared(&sql).await.unwrap();
    assert_eq!(kind(create("gamma").await), ErrorKind::Denied);
    assert_eq!(bed.record("gamma").await, None);
    assert!(!bed.has_schema("tenant_gamma").await);
}

#[tokio::test]
async fn rename_moves_schema_and_directory_together() {
    let bed = Bed::with(&["acme", "beta"]).await;
    let db = &bed.migrator;
    let schema = |name| SchemaName::parse(name).unwrap();
    old().suspend(&id("acme"), db).await.unwrap();
    for _ in 0..2 {
        let renamed = old().rename(&id("acme"), &schema("customer_1"), db).await;
        assert_eq!(renamed.unwrap().schema, Some(schema("customer_1")));
    }
    assert!(!bed.has_schema("tenant_acme").await);
    let taken = "CREATE SCHEMA taken";
    bed.admin.execute_unprepared(taken).await.unwrap();
    let taken = old().rename(&id("acme"), &schema("taken"), db).await;
    assert!(matches!(refusal(taken), TenancyError::SchemaExists { .. }));
    let unknown = old().rename(&id("gamma"), &schema("x"), db).await;
    assert!(matches!(
        refusal(unknown),
        TenancyError::UnknownTenant { .. }
    ));
    // It is migrated under its new name.
    assert!(new().run(db).await.unwrap().is_complete());
    assert_eq!(bed.shape("customer_1").await, "id,body and more");
    bed.admin
        .execute_unprepared("DROP SCHEMA customer_1 CASCADE")
        .await
        .unwrap();
    let gone = old().rename(&id("acme"), &schema("x"), db).await;
    assert!(matches!(refusal(gone), TenancyError::UnknownSchema { .. }));
}

#[tokio::test]
async fn clone_is_a_tenant_of_its_own_or_nothing() {
    let bed = Bed::with(&["acme", "taken"]).await;
    let db = &bed.migrator;
    let insert = "INSERT INTO tenant_acme.notes VALUES (42)";
    bed.admin.execute_unprepared(insert).await.unwrap();
    let clone = async |from, to, data| new().clone_tenant(&id(from), &id(to), data, db).await;
    let copy = clone("acme", "copy", CloneData::All).await.unwrap();
    assert_eq!(
        (copy.state, copy.version),
        (TenantState::Active, Some(new().version()))
    );
    assert_eq!(bed.shape("tenant_copy").await, "id,body and more");
    assert_eq!(
        bed.ask("SELECT id FROM tenant_copy.notes").await.as_deref(),
        Some("(42)")
    );
    clone("acme", "empty", CloneData::None).await.unwrap();
    assert!(bed.ask("SELECT id FROM tenant_empty.notes").await.is_none());
    assert_eq!(bed.shape("tenant_acme").await, "id");
    let unknown = clone("nobody", "x", CloneData::All).await;
    assert!(matches!(
        refusal(unknown),
        TenancyError::UnknownTenant { .. }
    ));
    let taken = clone("acme", "taken", CloneData::All).await;
    assert!(matches!(refusal(taken), TenancyError::TenantExists { .. }));
    bed.admin
        .execute_unprepared("CREATE SCHEMA tenant_x")
        .await
        .unwrap();
    let foreign = clone("acme", "x", CloneData::All).await;
    assert!(matches!(
        refusal(foreign),
        TenancyError::SchemaExists { .. }
    ));
    assert_eq!(bed.record("x").await, None);
    let gate = bed.close_gate().await;
    let killed = async {
        bed.until_waiting(1).await;
        bed.kill().await;
    };
    let (killed, ()) = tokio::join!(clone("acme", "y", CloneData::All), killed);
    assert_eq!(kind(killed), ErrorKind::ConnectionLost);
    gate.rollback().await.unwrap();
    assert_eq!(bed.record("y").await, None);
    assert!(!bed.has_schema("tenant_y").await);
}

#[tokio::test]
async fn tenant_that_is_resumed_is_migrated_first() {
    let bed = Bed::with(&["acme"]).await;
    let db = &bed.migrator;
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let suspended = old().suspend(&id("acme"), db).await.unwrap();
        assert_eq!(suspended.state, TenantState::Suspended);
    }
    old()
        .archive(&id("acme"), Some(folder.path()), db)
        .await
        .unwrap();
    // What is archived is left alone.
    let report = new().run(db).await.unwrap();
    assert_eq!((report.done.len(), report.skipped), (0, 0));
    assert_eq!(bed.shape("tenant_acme").await, "id");
    for _ in 0..2 {
        let resumed = new().resume(&id("acme"), db).await.unwrap();
        assert_eq!(resumed.state, TenantState::Active);
    }
    assert_eq!(bed.version("acme").await, "2 m2_bodies");
    assert_eq!(bed.shape("tenant_acme").await, "id,body and more");
}

#[tokio::test]
async fn archived_schema_is_in_a_file_that_restores() {
    let bed = Bed::with(&["acme"]).await;
    let db = &bed.migrator;
    let insert = "INSERT INTO tenant_acme.notes VALUES (42)";
    bed.admin.execute_unprepared(insert).await.unwrap();
    // Nowhere to write: it stays suspended, and can be archived again.
    let nowhere = std::path::Path::new("/nowhere");
    let failed = old().archive(&id("acme"), Some(nowhere), db).await;
    let failed = refusal(failed).to_string();
    assert!(failed.contains("/nowhere"), "{failed}");
    assert_eq!(
        bed.record("acme").await.unwrap().state,
        TenantState::Suspended
    );
    let folder = tempfile::tempdir().unwrap();
    let archived = old()
        .archive(&id("acme"), Some(folder.path()), db)
        .await
        .unwrap();
    assert_eq!(archived.record.state, TenantState::Archived);
    let file = archived.file.unwrap();
    assert_eq!(file, folder.path().join("tenant_acme.dump"));
    let again = old()
        .archive(&id("acme"), Some(folder.path()), db)
        .await
        .unwrap();
    assert_eq!(again.file, None);
    let dropped = old()
        .drop(&id("acme"), "acme", DropMode::Restrict, db)
        .await;
    dropped.unwrap();
    assert!(!bed.has_schema("tenant_acme").await);
    restore(&bed, &file);
    let rows = bed.ask("SELECT id FROM tenant_acme.notes").await;
    assert_eq!(rows.as_deref(), Some("(42)"));
}

/// Puts back what an archive has.
fn restore(bed: &Bed, file: &std::path::Path) {
    let restored = Command::new("pg_restore")
        .arg("--dbname")
        .arg(bed.database.superuser_url())
        .arg(file)
        .output()
        .unwrap();
    assert!(restored.status.success(), "{restored:?}");
}

#[tokio::test]
async fn archive_is_refused_where_a_policy_would_keep_rows_from_the_file() {
    let bed = Bed::with(&["acme"]).await;
    let (db, roles) = (&bed.migrator, bed.database.roles());
    let make = format!(
        "CREATE TABLE tenant_acme.secrets (id integer) PARTITION BY LIST (id); \
         CREATE TABLE tenant_acme.part PARTITION OF tenant_acme.secrets DEFAULT; \
         INSERT INTO tenant_acme.secrets VALUES (42); \
         ALTER TABLE tenant_acme.secrets OWNER TO {owner}; \
         ALTER TABLE tenant_acme.part OWNER TO {owner}; \
         ALTER TABLE tenant_acme.part ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
        owner = roles.owner,
    );
    bed.admin.execute_unprepared(&make).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let archive = async || {
        let (fleet, acme) = (old(), id("acme"));
        fleet.archive(&acme, Some(folder.path()), db).await
    };
    for hidden in [
        String::new(),
        "CREATE POLICY few ON tenant_acme.part USING (id < 7)".to_owned(),
        format!(
            "CREATE POLICY dumped ON tenant_acme.part FOR SELECT TO {} USING (true); \
             CREATE POLICY but ON tenant_acme.part AS RESTRICTIVE USING (id < 7)",
            roles.migrator,
        ),
    ] {
        bed.admin.execute_unprepared(&hidden).await.unwrap();
        match refusal(archive().await) {
            TenancyError::HiddenRows { tables, role } => {
                assert_eq!(tables, "tenant_acme.part");
                assert_eq!(role, roles.migrator);
            }
            error => panic!("{error:?}"),
        }
        // Nothing has happened.
        let state = bed.record("acme").await.unwrap().state;
        assert_eq!(state, TenantState::Active);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }
    let open = "DROP POLICY but ON tenant_acme.part";
    bed.admin.execute_unprepared(open).await.unwrap();
    let file = archive().await.unwrap().file.unwrap();
    let dropped = old()
        .drop(&id("acme"), "acme", DropMode::Restrict, db)
        .await;
    dropped.unwrap();
    restore(&bed, &file);
    let rows = bed.ask("SELECT id FROM tenant_acme.secrets").await;
    assert_eq!(rows.as_deref(), Some("(42)"));
}

#[tokio::test]
async fn archive_without_pg_dump_changes_nothing_unless_no_file_is_wanted() {
    let bed = Bed::with(&["acme"]).await;
    let db = &bed.migrator;
    let folder = tempfile::tempdir().unwrap();
    let fleet = old().pg_dump("/nowhere/pg_dump");
    let failed = fleet.archive(&id("acme"), Some(folder.path()), db).await;
    let failed = refusal(failed);
    assert!(matches!(failed, TenancyError::Dump { .. }));
    let failed = failed.to_string();
    assert!(
        failed.contains("`/nowhere/pg_dump` cannot be run"),
        "{failed}"
    );
    assert_eq!(bed.record("acme").await.unwrap().state, TenantState::Active);
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    let archived = fleet.archive(&id("acme"), None, db).await.unwrap();
    assert_eq!(
        (archived.record.state, archived.file),
        (TenantState::Archived, None)
    );
}

#[tokio::test]
async fn tenant_is_dropped_by_its_name_twice_and_with_nothing_of_others() {
    let bed = Bed::with(&["acme", "beta"]).await;
    let db = &bed.migrator;
    let drop = async |tenant, again, mode| old().drop(&id(tenant), again, mode, db).await;
    let unconfirmed = drop("acme", "beta", DropMode::Cascade).await;
    assert!(matches!(
        refusal(unconfirmed),
        TenancyError::NotConfirmed { .. }
    ));
    for (dependent, undo) in [
        (
            "CREATE VIEW public.v AS SELECT * FROM tenant_acme.notes",
            "DROP VIEW public.v",
        ),
        (
            "CREATE TABLE public.t (id integer REFERENCES tenant_acme.notes)",
            "DROP TABLE public.t",
        ),
        (
            "CREATE TABLE public.heir () INHERITS (tenant_acme.notes)",
            "DROP TABLE public.heir",
        ),
        (
            "CREATE TABLE public.typed (n tenant_acme.notes)",
            "DROP TABLE public.typed",
        ),
        (
            "CREATE FUNCTION public.f(tenant_acme.notes) RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "DROP FUNCTION public.f",
        ),
    ] {
        bed.admin.execute_unprepared(dependent).await.unwrap();
        let refused = refusal(drop("acme", "acme", DropMode::Restrict).await);
        assert!(
            matches!(refused, TenancyError::HasDependents { .. }),
            "{dependent}"
        );
        assert!(refused.to_string().contains("public."), "{refused}");
        bed.admin.execute_unprepared(undo).await.unwrap();
    }
    let view = "CREATE VIEW public.v AS SELECT * FROM tenant_acme.notes";
    bed.admin.execute_unprepared(view).await.unwrap();
    drop("acme", "acme", DropMode::Cascade).await.unwrap();
    assert_eq!(bed.record("acme").await, None);
    assert!(!bed.has_schema("tenant_acme").await);
    let twice = drop("acme", "acme", DropMode::Cascade).await;
    assert!(matches!(refusal(twice), TenancyError::UnknownTenant { .. }));
    drop("beta", "beta", DropMode::Restrict).await.unwrap();
    assert!(!bed.has_schema("tenant_beta").await);
    // The schema of a tenant that was never made is somebody else's.
    let sql = "CREATE SCHEMA tenant_gamma; INSERT INTO dotmac_tenants (tenant_id, state, placement, \
        schema_name) VALUES ('gamma', 'creating', 'schema', 'tenant_gamma')";
    bed.admin.execute_unprepared(sql).await.unwrap();
    drop("gamma", "gamma", DropMode::Cascade).await.unwrap();
    assert!(bed.has_schema("tenant_gamma").await);
}
