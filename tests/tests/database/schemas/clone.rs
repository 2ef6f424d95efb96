//! A schema is copied exactly, or not at all.

use dotmac_database::migrate::{Comparison, diff};
use dotmac_database::rls::{Login, Roles};
use dotmac_database::tenancy::{CloneData, clone_schema, compare_schemas};
use dotmac_database::{Error, TenancyError};
use migration::TenantMigrator;
use sea_orm::{ConnectionTrait, DatabaseConnection, TransactionTrait};
use sea_orm_migration::{MigratorTrait, SchemaManager};

use super::site::{Site, TEMPLATE, create_schema, not_clonable, run, schema, text, texts};
use crate::cancellation::poll_times;
use crate::support::{PASSWORD, kind, roles, server};

/// A table of the template, quoted.
const ORDERS: &str = r#""Select; -- ""$$""""#;

#[tokio::test]
async fn copy_is_equal_to_its_original() {
    let site = Site::open().await;
    let cloned = site.clone("tenant_a", CloneData::None).await.unwrap();
    assert_eq!((cloned.tables, cloned.rows), (12, 2));
    assert_eq!(site.differences(TEMPLATE, "tenant_a").await, [""; 0]);
    let empty = "SELECT count(*)::text FROM tenant_a.accounts";
    assert_eq!(text(empty, &site.admin).await, "0");
    let versions = "SELECT version FROM tenant_a.seaql_migrations ORDER BY 1";
    assert_eq!(texts(versions, &site.admin).await, ["m1", "m2"]);
}

#[tokio::test]
async fn copies_of_copies_are_equal_and_the_original_stays() {
    let site = Site::open().await;
    site.clone("before", CloneData::All).await.unwrap();
    for (from, to) in [
        (TEMPLATE, "tenant_a"),
        (TEMPLATE, "tenant_b"),
        ("tenant_a", "tenant_c"),
    ] {
        site.clone_of(from, to, CloneData::All).await.unwrap();
        assert_eq!(site.differences(TEMPLATE, to).await, [""; 0], "{to}");
    }
    assert_eq!(site.differences("before", TEMPLATE).await, [""; 0]);
    let tenants = "SELECT DISTINCT tenant_id::text FROM template.accounts";
    assert_eq!(texts(tenants, &site.admin).await, ["template"]);
}

#[tokio::test]
async fn rows_and_sequences_are_copied_and_become_the_tenants() {
    let site = Site::open().await;
    let cloned = site.clone("tenant_a", CloneData::All).await.unwrap();
    // Partitions are counted with their table.
    assert_eq!(cloned.rows, 20 + 20 + 48 + 3 + 2 + 2);
    for table in [
        "events",
        "event_notes",
        "line",
        ORDERS,
        "totals",
        "scratch",
        "nothing",
    ] {
        let rows = format!(
            "SELECT coalesce(string_agg(t::text, ' ' ORDER BY t::text), '') FROM {{}}.{table} t"
        );
        let [original, copy] = [TEMPLATE, "tenant_a"].map(|it| rows.replace("{}", it));
        assert_eq!(
            text(&original, &site.admin).await,
            text(&copy, &site.admin).await,
            "{table}"
        );
    }
    let tenants = "SELECT DISTINCT tenant_id::text FROM tenant_a.accounts";
    assert_eq!(texts(tenants, &site.admin).await, ["a"]);
    let parts = "SELECT count(*)::text FROM tenant_a.accounts WHERE (parts).amount = serial_no";
    assert_eq!(text(parts, &site.admin).await, "20");
    // The next values are those that the original would give.
    for sequence in ["ticket", "accounts_id_seq", "accounts_serial_no_seq"] {
        let [original, copy] =
            [TEMPLATE, "tenant_a"].map(|it| format!("SELECT nextval('{it}.{sequence}')::text"));
        assert_eq!(
            text(&original, &site.admin).await,
            text(&copy, &site.admin).await
        );
    }
    let unfilled =
        "SELECT relispopulated::text FROM pg_class WHERE oid = 'tenant_a.unfilled'::regclass";
    assert_eq!(text(unfilled, &site.admin).await, "false");
}

#[tokio::test]
async fn copy_uses_its_own_sequences_tables_functions_and_types() {
    let site = Site::open().await;
    site.clone("tenant_a", CloneData::None).await.unwrap();
    let before = text("SELECT last_value::text FROM template.ticket", &site.admin).await;
    let account = "INSERT INTO tenant_a.accounts (tenant_id, name, feeling) \
         VALUES ('a', 'ada', 'it''s ok') RETURNING concat_ws(' ', id, serial_no, number, doubled)";
    assert_eq!(text(account, &site.admin).await, "100 1 7 14");
    let order = format!("INSERT INTO tenant_a.{ORDERS} (\"order\") VALUES (100) RETURNING note");
    assert_eq!(text(&order, &site.admin).await, " stamped by tenant_a");
    let after = text("SELECT last_value::text FROM template.ticket", &site.admin).await;
    assert_eq!(before, after);
    // The template has an account 110; the copy has none.
    let orphan = format!(
        "SET CONSTRAINTS ALL IMMEDIATE; INSERT INTO tenant_a.{ORDERS} (\"order\") VALUES (110)"
    );
    let refused = site.admin.execute_unprepared(&orphan).await;
    assert_eq!(kind(refused), dotmac_database::ErrorKind::ForeignKey);
    let cascade = "DELETE FROM tenant_a.accounts";
    run(cascade, &site.admin).await;
    let left = format!("SELECT count(*)::text FROM tenant_a.{ORDERS}");
    assert_eq!(text(&left, &site.admin).await, "0");
    let original = "SELECT count(*)::text FROM template.accounts";
    assert_eq!(text(original, &site.admin).await, "20");
}

#[tokio::test]
async fn policies_of_the_copy_hold() {
    let site = Site::open().await;
    site.clone("tenant_a", CloneData::All).await.unwrap();
    let url = server().url(&roles().application, PASSWORD, &site.name);
    let app = sea_orm::Database::connect(url).await.unwrap();
    for (tenant, rows) in [("a", "20"), ("b", "0"), ("", "0")] {
        let tx = app.begin().await.unwrap();
        let set = format!("SELECT set_config('app.current_tenant_id', '{tenant}', true)");
        run(&set, &tx).await;
        let seen = text("SELECT count(*)::text FROM tenant_a.accounts", &tx).await;
        assert_eq!(seen, rows, "{tenant}");
    }
    let foreign = "INSERT INTO tenant_a.accounts (tenant_id, name) VALUES ('a', 'eve')";
    let refused = app.execute_unprepared(foreign).await;
    assert_eq!(kind(refused), dotmac_database::ErrorKind::ForeignTenant);
    let granted = app
        .execute_unprepared("SELECT * FROM tenant_a.scratch")
        .await;
    assert_eq!(kind(granted), dotmac_database::ErrorKind::Denied);
}

#[tokio::test]
async fn copy_of_migrated_schema_does_not_differ_from_the_entities() {
    let site = Site::of_shop().await;
    create_schema(TEMPLATE, &site.admin).await;
    let roles = Roles::with_prefix(&site.name);
    let inside = connect_into(TEMPLATE, "postgres", server().password(), &site).await;
    roles.create(&inside).await.unwrap();
    roles
        .set_password(&inside, Login::Migrator, PASSWORD)
        .await
        .unwrap();
    let grant = format!(
        "GRANT CREATE ON DATABASE {} TO {}",
        site.name, roles.migrator
    );
    run(&grant, &inside).await;
    // The schema's rights are the migrator's to give, if the schema is.
    run(
        &format!("ALTER SCHEMA template OWNER TO {}", roles.migrator),
        &inside,
    )
    .await;
    let migrator = connect_into(TEMPLATE, &roles.migrator, PASSWORD, &site).await;
    TenantMigrator::up(&migrator, None).await.unwrap();
    let (from, to) = (schema(TEMPLATE), schema("tenant_a"));
    clone_schema(&from, &to, CloneData::None, &migrator)
        .await
        .unwrap();
    assert_eq!(site.differences(TEMPLATE, "tenant_a").await, [""; 0]);

    let copy = connect_into("tenant_a", "postgres", server().password(), &site).await;
    let shop = ["tenant", "user", "product", "order", "order_line"]
        .map(|name| format!("migration::entity::{name}"))
        .into_iter()
        .fold(Comparison::all().roles(roles), Comparison::entity);
    let found = diff(&shop, &SchemaManager::new(&copy)).await.unwrap();
    assert!(found.is_empty(), "{found:?}");
    run("DROP TABLE tenant_a.order_lines", &site.admin).await;
    let found = diff(&shop, &SchemaManager::new(&copy)).await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        TenantMigrator::get_pending_migrations(&copy)
            .await
            .unwrap()
            .is_empty()
    );
}

/// A connection with a schema first in its search path.
async fn connect_into(schema: &str, role: &str, password: &str, site: &Site) -> DatabaseConnection {
    let url = server().url(role, password, &site.name);
    let url = format!("{url}?options=-csearch_path%3D{schema}");
    sea_orm::Database::connect(url).await.unwrap()
}

/// What would not be noticed here would not be noticed by the copy either.
#[tokio::test]
async fn comparison_names_every_difference() {
    let site = Site::open().await;
    site.clone("tenant_a", CloneData::None).await.unwrap();
    let changes = [
        ("DROP INDEX idx_tags", "index idx_tags is missing"),
        ("DROP INDEX uq_totals", "index uq_totals is missing"),
        (
            "ALTER INDEX idx_tags SET (fastupdate = off)",
            "index idx_tags: ",
        ),
        (
            "ALTER TABLE accounts DROP CONSTRAINT ck_number",
            "constraint ck_number on accounts is missing",
        ),
        (
            r#"ALTER TABLE "Select; -- ""$$""" VALIDATE CONSTRAINT fk_self"#,
            r#"constraint fk_self on "Select; -- ""$$""": definition is "#,
        ),
        (
            "ALTER TABLE accounts ALTER name DROP NOT NULL",
            "column accounts.name: nullable is none, not no",
        ),
        (
            "ALTER TABLE accounts ALTER number SET DEFAULT 7",
            "column accounts.number: default is 7, not nextval('ticket'::regclass)",
        ),
        (
            "ALTER TABLE accounts ALTER name SET STORAGE MAIN",
            "column accounts.name: storage is m, not e",
        ),
        (
            "ALTER TABLE accounts ALTER id SET GENERATED BY DEFAULT",
            "column accounts.id: identity is d, not a",
        ),
        (
            "ALTER TABLE accounts ADD COLUMN more text",
            "column accounts.more is in the second schema only",
        ),
        (
            "ALTER TABLE accounts SET (fillfactor = 81)",
            "table accounts: options is ",
        ),
        (
            "ALTER TABLE scratch SET LOGGED",
            "table scratch: persistence is p, not u",
        ),
        (
            "ALTER TABLE accounts NO FORCE ROW LEVEL SECURITY",
            "table accounts: forced row-level security is none, not yes",
        ),
        (
            "ALTER TABLE scratch REPLICA IDENTITY DEFAULT",
            "index uq_scratch: state",
        ),
        (
            "ALTER TABLE accounts SET WITHOUT CLUSTER",
            "index accounts_pkey: state is none, not clustered",
        ),
        (
            "ALTER TABLE events DETACH PARTITION events_old",
            "table events_old: parents is none, not events",
        ),
        (
            "ALTER SEQUENCE ticket INCREMENT 1",
            "sequence ticket: parameters is ",
        ),
        (
            "ALTER SEQUENCE line_id_seq OWNED BY NONE",
            "sequence line_id_seq: owned by is none, not line.id a",
        ),
        (
            "ALTER TYPE mood ADD VALUE 'glad' BEFORE 'sad'",
            "type mood: values is 'glad', ",
        ),
        (
            "ALTER DOMAIN even SET DEFAULT 4",
            "type even: default is 4, not 2",
        ),
        (
            "DROP POLICY narrow ON accounts",
            "policy narrow on accounts is missing",
        ),
        (
            "ALTER POLICY migrator ON accounts TO shop_owner",
            "policy migrator on accounts: roles is shop_owner, not shop_migrator",
        ),
        (
            "ALTER POLICY migrator ON accounts USING (false)",
            "policy migrator on accounts: using is false, not true",
        ),
        (
            "DROP TRIGGER each_event ON events",
            "trigger each_event on events is missing",
        ),
        (
            "ALTER TABLE accounts ENABLE TRIGGER later",
            "trigger later on accounts: state is O, not D",
        ),
        (
            "CREATE OR REPLACE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
            "function pass(): definition is ",
        ),
        (
            "ALTER FUNCTION pass() OWNER TO shop_owner",
            "function pass(): owner is shop_owner, not shop_migrator",
        ),
        (
            "CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "function more() is in the second schema only",
        ),
        (
            "CREATE OR REPLACE VIEW a_first_by_name AS SELECT name FROM sums",
            "view a_first_by_name: definition is ",
        ),
        (
            "ALTER VIEW sums RESET (security_invoker)",
            "view sums: options is security_barrier=true, not ",
        ),
        (
            "DROP STATISTICS stat_accounts",
            "statistics stat_accounts is missing",
        ),
        (
            "COMMENT ON COLUMN accounts.name IS NULL",
            "column accounts.name: comment is none, not a column",
        ),
        (
            "COMMENT ON SCHEMA tenant_a IS NULL",
            "schema: comment is none, not a template",
        ),
        (
            "REVOKE SELECT ON accounts FROM shop_app",
            "rights on TABLE accounts: SELECT of shop_app is none, not given",
        ),
        (
            "GRANT SELECT ON line TO shop_app",
            "rights on TABLE line: SELECT of shop_app is given, not none",
        ),
        (
            "REVOKE GRANT OPTION FOR SELECT (text) ON line FROM shop_system",
            "rights on TABLE line: SELECT (text) of shop_system is given, not given with grant option",
        ),
        (
            "REVOKE USAGE ON SEQUENCE ticket FROM shop_app",
            "rights on SEQUENCE ticket: USAGE of shop_app is none, not given",
        ),
        (
            "GRANT EXECUTE ON FUNCTION account_of(bigint, mood[]) TO PUBLIC",
            "rights on ROUTINE account_of(bigint,mood[]): EXECUTE of PUBLIC is given, not none",
        ),
        (
            "REVOKE USAGE ON SCHEMA tenant_a FROM shop_app",
            "rights on SCHEMA: USAGE of shop_app is none, not given",
        ),
        (
            "ALTER DEFAULT PRIVILEGES IN SCHEMA tenant_a REVOKE SELECT ON TABLES FROM shop_system",
            "rights on DEFAULT shop_migrator TABLES is missing",
        ),
        (
            "CREATE OPERATOR ==== (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)",
            "operator ====(",
        ),
    ];
    for (change, wanted) in changes {
        let tx = site.migrator.begin().await.unwrap();
        run("SET LOCAL search_path = tenant_a", &tx).await;
        run(change, &tx).await;
        let compared = compare_schemas(&schema(TEMPLATE), &schema("tenant_a"), &tx).await;
        let lines: Vec<String> = compared.unwrap().iter().map(ToString::to_string).collect();
        let has = |line: &String| line.starts_with(wanted);
        assert!(lines.iter().any(has), "{change}: {lines:#?}");
        tx.rollback().await.unwrap();
    }
    assert_eq!(site.differences(TEMPLATE, "tenant_a").await, [""; 0]);
}

#[tokio::test]
async fn unknown_original_and_existing_copy_are_told_apart() {
    let site = Site::open().await;
    site.clone("tenant_a", CloneData::None).await.unwrap();
    let existing = site.clone("tenant_a", CloneData::None).await.unwrap_err();
    assert!(
        matches!(&existing, Error::Tenancy(TenancyError::SchemaExists { schema }) if schema == "tenant_a"),
        "{existing}"
    );
    let unknown = site
        .clone_of("nowhere", "tenant_b", CloneData::None)
        .await
        .unwrap_err();
    assert!(
        matches!(&unknown, Error::Tenancy(TenancyError::UnknownSchema { schema }) if schema == "nowhere"),
        "{unknown}"
    );
    assert_eq!(site.tenants().await, ["tenant_a"]);
}

#[tokio::test]
async fn of_two_clones_to_one_name_one_wins() {
    let site = Site::open().await;
    let other = site.migrator_in("").await;
    let (from, to) = (schema(TEMPLATE), schema("tenant_a"));
    let (one, two) = tokio::join!(
        clone_schema(&from, &to, CloneData::All, &site.migrator),
        clone_schema(&from, &to, CloneData::All, &other),
    );
    let errors: Vec<Error> = [one.err(), two.err()].into_iter().flatten().collect();
    assert!(
        matches!(
            errors.as_slice(),
            [Error::Tenancy(TenancyError::SchemaExists { .. })]
        ),
        "{errors:?}"
    );
    assert_eq!(site.differences(TEMPLATE, "tenant_a").await, [""; 0]);
}

#[tokio::test]
async fn role_without_rights_on_the_database_is_refused_and_leaves_nothing() {
    let site = Site::open().await;
    let revoke = format!("REVOKE CREATE ON DATABASE {} FROM shop_migrator", site.name);
    run(&revoke, &site.admin).await;
    let refused = site.clone("tenant_a", CloneData::None).await;
    assert_eq!(kind(refused), dotmac_database::ErrorKind::Denied);
    assert_eq!(site.tenants().await, [""; 0]);
}

#[tokio::test]
async fn rows_that_a_policy_hides_stop_the_copy() {
    let site = Site::open().await;
    run("DROP POLICY migrator ON template.accounts", &site.admin).await;
    let (object, reason) = not_clonable(site.clone("tenant_a", CloneData::All).await);
    assert_eq!(object, "table template.accounts");
    assert!(
        reason.contains("may hide rows from role \"shop_migrator\""),
        "{reason}"
    );
    // Without rows, nobody has to see them.
    site.clone("tenant_a", CloneData::None).await.unwrap();
}

#[tokio::test]
async fn clone_dropped_at_any_poll_leaves_nothing_or_all() {
    let site = Site::open().await;
    let (from, mut cancelled, mut complete) = (schema(TEMPLATE), 0, 0);
    // Again where a busy machine had more ready at each poll, so that a few were all.
    for pass in 0..5 {
        // Each poll at the beginning, then fewer: a step of the copy is one statement, of some polls.
        for polls in (1..20).chain((20..).step_by(5)) {
            let to = schema(&format!("tenant_{pass}_{polls}"));
            let clone = clone_schema(&from, &to, CloneData::All, &site.migrator);
            let done = poll_times(clone, polls).await.is_some();
            // The connection comes back from its rollback before it serves the next one.
            run("SELECT 1", &site.migrator).await;
            if site.tenants().await.contains(&to.to_string()) {
                complete += 1;
                assert_eq!(site.differences(TEMPLATE, to.as_str()).await, [""; 0]);
            }
            if done {
                break;
            }
            cancelled += 1;
        }
        if cancelled > 20 {
            break;
        }
    }
    assert!(cancelled > 20 && complete >= 1, "{cancelled} {complete}");
}

#[tokio::test]
async fn clone_whose_backend_is_killed_leaves_nothing() {
    let site = Site::open().await;
    let holder = site.admin.begin().await.unwrap();
    // The copy waits for this lock with its first tables made.
    run(
        "LOCK TABLE public.products IN ACCESS EXCLUSIVE MODE",
        &holder,
    )
    .await;
    let kill = async {
        let sql = "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity \
             WHERE datname = current_database() AND usename = 'shop_migrator' AND wait_event_type = 'Lock'";
        while texts(sql, &holder).await.is_empty() {}
    };
    let (clone, ()) = tokio::join!(site.clone("tenant_a", CloneData::All), kill);
    assert_eq!(kind(clone), dotmac_database::ErrorKind::ConnectionLost);
    holder.rollback().await.unwrap();
    assert_eq!(site.tenants().await, [""; 0]);
    site.clone("tenant_a", CloneData::All).await.unwrap();
}

#[tokio::test]
async fn clone_in_a_transaction_ends_with_it_and_leaves_its_settings() {
    let site = Site::open().await;
    let tx = site.migrator.begin().await.unwrap();
    run("SET LOCAL search_path = public", &tx).await;
    let (from, to) = (schema(TEMPLATE), schema("tenant_a"));
    clone_schema(&from, &to, CloneData::None, &tx)
        .await
        .unwrap();
    assert_eq!(text("SHOW search_path", &tx).await, "public");
    assert_eq!(text("SHOW check_function_bodies", &tx).await, "on");
    tx.rollback().await.unwrap();
    assert_eq!(site.tenants().await, [""; 0]);
}

#[tokio::test]
async fn default_privileges_of_the_database_do_not_reach_the_copy() {
    let site = Site::open().await;
    let grant = "ALTER DEFAULT PRIVILEGES FOR ROLE shop_migrator GRANT ALL ON TABLES TO shop_app; \
         ALTER DEFAULT PRIVILEGES FOR ROLE shop_migrator GRANT ALL ON SCHEMAS TO shop_app; \
         ALTER DEFAULT PRIVILEGES FOR ROLE shop_migrator REVOKE ALL ON FUNCTIONS FROM PUBLIC";
    run(grant, &site.admin).await;
    site.clone("tenant_a", CloneData::None).await.unwrap();
    assert_eq!(site.differences(TEMPLATE, "tenant_a").await, [""; 0]);
}
