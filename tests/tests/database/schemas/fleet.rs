//! I54: migrations over all tenants.

use std::sync::{Arc, Mutex};

use dotmac_database::migrate::{Fleet, FleetEvent, FleetReport, VersionPolicy};
use dotmac_database::prelude::*;
use dotmac_database::rls::Login;
use dotmac_database::tenancy::{Placement, TenantState};
use dotmac_database::{SchemaName, TenancyError, testing};
use sea_orm::ConnectionTrait;

use super::fleet_bed::{Bed, New, Nothing, Shared, id, new, old};
use crate::logs::Log;
use crate::support::{kind, server};

fn names(tenants: &[TenantId]) -> Vec<&str> {
    let mut names: Vec<&str> = tenants.iter().map(TenantId::as_str).collect();
    names.sort_unstable();
    names
}

fn failed(report: &FleetReport) -> Vec<&str> {
    report.failed.iter().map(|it| it.tenant.as_str()).collect()
}

/// A fleet that notes what it is told.
fn observed() -> (Arc<Mutex<Vec<FleetEvent>>>, Fleet<Shared, New>) {
    let events = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&events);
    let fleet = new().observe(move |event| log.lock().unwrap().push(event.clone()));
    (events, fleet)
}

async fn obstruct(bed: &Bed, tenant: &str) {
    let sql = format!("CREATE TABLE tenant_{tenant}.obstacle ()");
    bed.admin.execute_unprepared(&sql).await.unwrap();
}

#[tokio::test]
async fn i54_failing_tenant_stays_as_it_was_and_the_others_finish() {
    let bed = Bed::with(&["a", "b", "c", "d"]).await;
    obstruct(&bed, "b").await;
    let report = new().run(&bed.migrator).await.unwrap();
    assert_eq!(names(&report.done), ["a", "c", "d"]);
    assert_eq!(failed(&report), ["b"]);
    assert!(report.failed[0].error.contains("obstacle"), "{report:?}");
    assert!(!report.is_complete());
    // Not half done: the column that came before the failure is not there.
    assert_eq!(bed.shape("tenant_b").await, "id and more");
    assert_eq!(bed.version("b").await, "1 m1_notes");
    let record = bed.record("b").await.unwrap();
    assert_eq!(record.error, Some(report.failed[0].error.clone()));
    assert_eq!(record.state, TenantState::Active);
    assert_eq!(bed.shape("tenant_c").await, "id,body and more");
    assert_eq!(bed.version("c").await, "2 m2_bodies");
    // The next run takes up what is left, and nothing else.
    bed.admin
        .execute_unprepared("DROP TABLE tenant_b.obstacle")
        .await
        .unwrap();
    let report = new().run(&bed.migrator).await.unwrap();
    assert_eq!((names(&report.done), report.skipped), (vec!["b"], 3));
    assert!(report.is_complete());
    assert_eq!(bed.shape("tenant_b").await, "id,body and more");
    assert_eq!(bed.record("b").await.unwrap().error, None);
}

#[tokio::test]
async fn i54_one_at_a_time_the_others_finish_too() {
    let bed = Bed::with(&["a", "b", "c"]).await;
    obstruct(&bed, "a").await;
    let report = new().concurrency(1).run(&bed.migrator).await.unwrap();
    assert_eq!(
        (names(&report.done), failed(&report)),
        (vec!["b", "c"], vec!["a"])
    );
}

#[tokio::test]
async fn two_runs_at_once_migrate_each_tenant_once() {
    let bed = Bed::with(&["a", "b"]).await;
    let gate = bed.close_gate().await;
    // Both of the first are half way, and both of the second wait for them.
    let open = async {
        bed.until_waiting(4).await;
        gate.rollback().await.unwrap();
    };
    let (one, other) = (new(), new());
    let (one, other, ()) = tokio::join!(one.run(&bed.migrator), other.run(&bed.migrator), open);
    let (one, other) = (one.unwrap(), other.unwrap());
    assert!(
        one.is_complete() && other.is_complete(),
        "{one:?} {other:?}"
    );
    assert_eq!(one.done.len() + other.done.len(), 2);
    assert_eq!(one.skipped + other.skipped, 2);
    assert_eq!(bed.shape("tenant_a").await, "id,body and more");
}

#[tokio::test]
async fn current_fleet_costs_three_queries() {
    let bed = Bed::with(&["a", "b", "c"]).await;
    new().run(&bed.migrator).await.unwrap();
    let log = Log::default();
    let guard = log.capture();
    let report = new().run(&bed.migrator).await.unwrap();
    drop(guard);
    assert_eq!((report.skipped, report.done.len()), (3, 0));
    let queries = log.text().matches("sqlx::query: ").count();
    assert_eq!(queries, 3, "{}", log.text());
}

#[tokio::test]
async fn tenants_that_come_during_a_run_are_migrated_by_it() {
    let bed = Bed::with(&["a"]).await;
    let gate = bed.close_gate().await;
    let newcomer = async {
        bed.until_waiting(1).await;
        // The old program still runs.
        let placement = Placement::Schema;
        let created = old().create(&id("b"), &placement, &bed.migrator).await;
        created.unwrap();
        gate.rollback().await.unwrap();
    };
    let fleet = new();
    let (report, ()) = tokio::join!(fleet.run(&bed.migrator), newcomer);
    let report = report.unwrap();
    assert_eq!(names(&report.done), ["a", "b"]);
    assert_eq!(bed.shape("tenant_b").await, "id,body and more");
}

#[tokio::test]
async fn canary_decides_whether_the_others_follow() {
    let bed = Bed::with(&["a", "b", "c"]).await;
    obstruct(&bed, "a").await;
    let careful = new().canary(1, FleetReport::is_complete);
    let report = careful.run(&bed.migrator).await.unwrap();
    assert_eq!(failed(&report), ["a"]);
    assert_eq!(names(&report.remaining), ["b", "c"]);
    assert_eq!(bed.shape("tenant_b").await, "id");
    bed.admin
        .execute_unprepared("DROP TABLE tenant_a.obstacle")
        .await
        .unwrap();
    let report = careful.run(&bed.migrator).await.unwrap();
    assert_eq!(names(&report.done), ["a", "b", "c"]);
}

#[tokio::test]
async fn plan_tells_what_would_run_where_and_runs_nothing() {
    let bed = Bed::with(&["a", "b"]).await;
    let registered = "INSERT INTO dotmac_tenants (tenant_id, state, placement, schema_name) \
        VALUES ('c', 'creating', 'schema', 'tenant_c')";
    bed.admin.execute_unprepared(registered).await.unwrap();
    let plan = new().plan(&bed.migrator).await.unwrap();
    let pending: Vec<_> = plan
        .tenants
        .iter()
        .map(|it| (it.tenant.as_str(), it.pending.join(" ")))
        .collect();
    let second = || "m2_bodies".to_owned();
    let both = "m1_notes m2_bodies".to_owned();
    assert_eq!(pending, [("a", second()), ("b", second()), ("c", both)]);
    assert_eq!(bed.shape("tenant_a").await, "id");
    assert!(!bed.has_schema("tenant_c").await);
    new().run(&bed.migrator).await.unwrap();
    let plan = new().plan(&bed.migrator).await.unwrap();
    assert_eq!((plan.tenants.len(), plan.current), (0, 3));
    // The old program does not know what the new one did.
    let plan = old().plan(&bed.migrator).await.unwrap();
    assert!(
        plan.tenants[0]
            .error
            .as_ref()
            .unwrap()
            .contains("m2_bodies")
    );
}

#[tokio::test]
async fn old_program_leaves_newer_schemas_alone_and_says_so() {
    let bed = Bed::with(&["a"]).await;
    new().run(&bed.migrator).await.unwrap();
    let report = old().run(&bed.migrator).await.unwrap();
    assert_eq!(failed(&report), ["a"]);
    assert!(report.failed[0].error.contains("1 m1_notes"), "{report:?}");
    assert_eq!(bed.version("a").await, "2 m2_bodies");
}

#[tokio::test]
async fn program_starts_with_schemas_of_its_version() {
    let bed = Bed::with(&["a", "b"]).await;
    let db = bed.program().await;
    let check = async |program: &str, policy| {
        let checked = match program {
            "old" => old().check_version(policy, &db).await,
            _ => new().check_version(policy, &db).await,
        };
        checked.map_err(|error| error.to_string())
    };
    assert_eq!(check("old", VersionPolicy::Exact).await, Ok(()));
    for policy in [VersionPolicy::Exact, VersionPolicy::AllowAhead] {
        let error = check("new", policy).await.unwrap_err();
        assert!(error.contains("\"a\", \"b\""), "{error}");
        assert!(error.contains("2 m2_bodies"), "{error}");
    }
    assert_eq!(check("new", VersionPolicy::Warn).await, Ok(()));
    new().run(&bed.migrator).await.unwrap();
    assert_eq!(check("new", VersionPolicy::Exact).await, Ok(()));
    assert!(check("old", VersionPolicy::Exact).await.is_err());
    assert_eq!(check("old", VersionPolicy::AllowAhead).await, Ok(()));
    // Whoever sees no tenants must not find them all current.
    let blind = Database::connect(bed.database.config().unwrap())
        .await
        .unwrap();
    let refused = new().check_version(VersionPolicy::Exact, &blind).await;
    assert_eq!(kind(refused), ErrorKind::Config);
}

#[tokio::test]
async fn hooks_run_in_order_once_all_tenants_are_current() {
    let bed = Bed::with(&["a"]).await;
    let log = Arc::new(Mutex::new(Vec::new()));
    let say = |name: &'static str| {
        let log = Arc::clone(&log);
        move || log.lock().unwrap().push(name)
    };
    let (first, second, third) = (say("first"), say("second"), say("third"));
    let fleet = new()
        .after("first", move |_| {
            first();
            Box::pin(async { Ok(()) })
        })
        .after("second", move |_| {
            second();
            Box::pin(async { Err("no view".into()) })
        })
        .after("third", move |_| {
            third();
            Box::pin(async { Ok(()) })
        });
    obstruct(&bed, "a").await;
    assert!(!fleet.run(&bed.migrator).await.unwrap().is_complete());
    assert!(log.lock().unwrap().is_empty());
    bed.admin
        .execute_unprepared("DROP TABLE tenant_a.obstacle")
        .await
        .unwrap();
    assert_eq!(kind(fleet.run(&bed.migrator).await), ErrorKind::Hook);
    assert_eq!(*log.lock().unwrap(), ["first", "second"]);
    // The tenants stay migrated.
    assert_eq!(bed.version("a").await, "2 m2_bodies");
}

#[tokio::test]
async fn run_makes_the_directory_and_the_template_that_tenants_are_copies_of() {
    let bed = Bed::open().await;
    let sql = "DROP TABLE dotmac_tenants; DROP TABLE seaql_migrations";
    bed.admin.execute_unprepared(sql).await.unwrap();
    let template = SchemaName::parse("template_shop").unwrap();
    let (events, fleet) = observed();
    let fleet = fleet.template(template);
    for _ in 0..2 {
        assert!(fleet.run(&bed.migrator).await.unwrap().is_complete());
    }
    assert_eq!(bed.shape("template_shop").await, "id,body and more");
    let sql = "INSERT INTO template_shop.notes VALUES (7)";
    bed.admin.execute_unprepared(sql).await.unwrap();
    let copied = fleet
        .create(&id("a"), &Placement::Schema, &bed.migrator)
        .await;
    assert_eq!(copied.unwrap().version, Some(fleet.version()));
    assert_eq!(
        bed.ask("SELECT id FROM tenant_a.notes").await.as_deref(),
        Some("(7)")
    );
    assert_eq!(fleet.run(&bed.migrator).await.unwrap().skipped, 1);
    let events = events.lock().unwrap();
    assert!(
        matches!(
            &events[..],
            [FleetEvent::Shared { .. }, FleetEvent::Template { .. }]
        ),
        "{events:?}"
    );
}

#[tokio::test]
async fn tenants_of_another_database_are_migrated_there() {
    let bed = Bed::open().await;
    let other = server().migrated::<Nothing>("fleet_eu").await.unwrap();
    let url = other.url(Login::Migrator);
    let fleet = new().databases(move |name| {
        assert_eq!(name.as_str(), "eu");
        let url = url.clone();
        async move { Ok(sea_orm::Database::connect(url).await?) }
    });
    let elsewhere: Placement = "database:eu".parse().unwrap();
    for tenant in ["a", "b"] {
        let created = fleet.create(&id(tenant), &elsewhere, &bed.migrator).await;
        assert_eq!(created.unwrap().state, TenantState::Active);
    }
    let there = sea_orm::Database::connect(other.superuser_url())
        .await
        .unwrap();
    there
        .execute_unprepared("SELECT body FROM notes, obstacle")
        .await
        .unwrap();
    assert_eq!(bed.shape("public").await, "");
    assert_eq!(bed.version("b").await, "2 m2_bodies");
    assert_eq!(fleet.run(&bed.migrator).await.unwrap().skipped, 2);
}

#[tokio::test]
async fn missing_schema_is_reported_and_sqlite_refused() {
    let bed = Bed::with(&["a", "b"]).await;
    bed.admin
        .execute_unprepared("DROP SCHEMA tenant_a CASCADE")
        .await
        .unwrap();
    let report = new().run(&bed.migrator).await.unwrap();
    let missing = TenancyError::UnknownSchema {
        schema: "tenant_a".to_owned(),
    };
    assert_eq!(report.failed[0].error, missing.to_string());
    assert_eq!(names(&report.done), ["b"]);
    assert_eq!(bed.shape("public").await, "");
    let sqlite = testing::in_memory().await.unwrap();
    assert_eq!(
        kind(new().run(&sqlite.plain()).await),
        ErrorKind::Unsupported
    );
}
