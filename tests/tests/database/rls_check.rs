//! I40–I43: `rls::check` names what lets rows cross, and its remedy mends it.

use clap::Parser;
use dotmac_database::migrate::Include;
use dotmac_database::rls::{self, Report, Severity};
use migration::Cli;
use sea_orm::ConnectionTrait;

use crate::support::{Shop, roles, server};

/// Something that is wrong, and what the check says of it.
pub struct Case {
    wrong: &'static str,
    rule: &'static str,
    severity: Severity,
    object: &'static str,
}

pub const fn case(
    rule: &'static str,
    severity: Severity,
    object: &'static str,
    wrong: &'static str,
) -> Case {
    Case {
        wrong,
        rule,
        severity,
        object,
    }
}

use Severity::{Advice, Danger, Warning};

const TABLES: [Case; 6] = [
    case(
        "rls-off",
        Danger,
        "orders",
        "ALTER TABLE orders DISABLE ROW LEVEL SECURITY",
    ),
    case(
        "rls-not-forced",
        Danger,
        "orders",
        "ALTER TABLE orders NO FORCE ROW LEVEL SECURITY",
    ),
    case(
        "table-owner",
        Warning,
        "orders",
        "ALTER TABLE orders OWNER TO shop_migrator",
    ),
    case(
        "partition-open",
        Danger,
        "old_orders",
        "CREATE TABLE old_orders () INHERITS (orders); GRANT SELECT ON old_orders TO shop_app",
    ),
    // Rights on a column are rights.
    case(
        "partition-open",
        Danger,
        "older_orders",
        "CREATE TABLE heirs () INHERITS (orders); CREATE TABLE older_orders () INHERITS (heirs); \
         GRANT SELECT (number) ON older_orders TO PUBLIC; ALTER TABLE heirs ENABLE ROW LEVEL SECURITY",
    ),
    case(
        "table-missing",
        Warning,
        "users",
        "ALTER TABLE users RENAME TO people",
    ),
];

const POLICIES: [Case; 18] = [
    // An heir with a policy of our name.
    case(
        "policy-extra",
        Danger,
        "dotmac_tenant on old_orders",
        "CREATE TABLE old_orders () INHERITS (orders); \
         ALTER TABLE old_orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; \
         CREATE POLICY dotmac_tenant ON old_orders TO shop_app USING (true)",
    ),
    case(
        "policy-missing",
        Warning,
        "dotmac_tenant on orders",
        "DROP POLICY dotmac_tenant ON orders",
    ),
    case(
        "policy-missing",
        Warning,
        "dotmac_system on orders",
        "DROP POLICY dotmac_system ON orders",
    ),
    case(
        "policy-differs",
        Danger,
        "dotmac_tenant on orders",
        "ALTER POLICY dotmac_tenant ON orders WITH CHECK (true)",
    ),
    case(
        "policy-differs",
        Danger,
        "dotmac_tenant on orders",
        "ALTER POLICY dotmac_tenant ON orders USING (true)",
    ),
    case(
        "policy-differs",
        Danger,
        "dotmac_tenant on orders",
        "ALTER POLICY dotmac_tenant ON orders TO PUBLIC",
    ),
    case(
        "policy-differs",
        Danger,
        "dotmac_tenant on orders",
        "ALTER POLICY dotmac_tenant ON orders TO shop_system",
    ),
    case(
        "policy-differs",
        Danger,
        "dotmac_tenant on orders",
        "ALTER POLICY dotmac_tenant ON orders USING (tenant_id = current_setting('app.current_tenant_id', true))",
    ),
    case(
        "policy-differs",
        Danger,
        "dotmac_tenant on orders",
        "ALTER POLICY dotmac_tenant ON orders USING (tenant_id = (select \
         nullif(current_setting('app.current_tenant_id'), '')::varchar))",
    ),
    case(
        "policy-differs",
        Danger,
        "dotmac_tenant on orders",
        "ALTER POLICY dotmac_tenant ON orders USING (tenant_id = (select \
         nullif(current_setting('app.current_tenant_id', true), '')::varchar) \
         OR current_setting('app.bypass', true) = 'on')",
    ),
    case(
        "policy-differs",
        Danger,
        "dotmac_tenant on orders",
        "ALTER POLICY dotmac_tenant ON orders USING (tenant_id::bytea = (select \
         nullif(current_setting('app.current_tenant_id', true), '')::bytea))",
    ),
    case(
        "policy-differs",
        Danger,
        "dotmac_tenant on orders",
        "DROP POLICY dotmac_tenant ON orders; CREATE POLICY dotmac_tenant ON orders FOR SELECT TO shop_app \
         USING (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::varchar))",
    ),
    case(
        "policy-differs",
        Danger,
        "dotmac_migrator on orders",
        "ALTER POLICY dotmac_migrator ON orders TO shop_owner",
    ),
    case(
        "policy-extra",
        Danger,
        "wide on orders",
        "CREATE POLICY wide ON orders USING (true)",
    ),
    case(
        "policy-extra",
        Danger,
        "wide on orders",
        "CREATE POLICY wide ON orders FOR INSERT TO shop_app WITH CHECK (true)",
    ),
    case(
        "policy-extra",
        Warning,
        "mine on orders",
        "CREATE POLICY mine ON orders TO shop_app \
         USING (tenant_id = 'x' || current_setting('app.current_tenant_id', true))",
    ),
    case(
        "policy-function",
        Danger,
        "tenant()",
        "CREATE FUNCTION tenant() RETURNS varchar LANGUAGE sql IMMUTABLE AS \
         $$ SELECT current_setting('app.current_tenant_id', true) $$; \
         CREATE POLICY narrow ON orders AS RESTRICTIVE USING (tenant_id = tenant())",
    ),
    case(
        "policy-function",
        Advice,
        "tenant()",
        "CREATE FUNCTION tenant() RETURNS varchar LANGUAGE sql AS \
         $$ SELECT current_setting('app.current_tenant_id', true) $$; \
         CREATE POLICY narrow ON orders AS RESTRICTIVE USING (tenant_id = tenant())",
    ),
];

const RIGHTS: [Case; 8] = [
    case(
        "grant-truncate",
        Danger,
        "orders",
        "GRANT TRUNCATE ON orders TO shop_app",
    ),
    case(
        "grant-excess",
        Warning,
        "orders",
        "GRANT REFERENCES ON orders TO shop_app",
    ),
    case(
        "grant-excess",
        Warning,
        "orders",
        "GRANT TRIGGER ON orders TO PUBLIC; \
        ALTER TABLE orders OWNER TO shop_owner; REVOKE ALL ON orders FROM PUBLIC; GRANT TRIGGER ON orders TO shop_app",
    ),
    case(
        "grant-stranger",
        Warning,
        "PUBLIC on orders",
        "GRANT SELECT ON orders TO PUBLIC",
    ),
    case(
        "grant-stranger",
        Warning,
        "pg_monitor on orders",
        "GRANT SELECT ON orders TO pg_monitor",
    ),
    case(
        "role-creates",
        Warning,
        "schema public",
        "GRANT CREATE ON SCHEMA public TO shop_app",
    ),
    case(
        "role-creates",
        Warning,
        "database {database}",
        "GRANT TEMPORARY ON DATABASE {database} TO shop_app",
    ),
    case(
        "role-creates",
        Warning,
        "database {database}",
        "GRANT CREATE ON DATABASE {database} TO PUBLIC",
    ),
];

/// Of this program's entities, those whose tables a shop has, and what tests make beside them.
async fn checked<C: ConnectionTrait>(db: &C) -> Report {
    let shop = Include::all().tables(["tenants", "users", "orders", "order_lines", "open_*"]);
    rls::check(db, &roles(), &shop).await.unwrap()
}

pub async fn check(shop: &Shop) -> Report {
    // As the application, which may read the catalog like everybody.
    checked(&shop.db.plain()).await
}

pub async fn run(shop: &Shop, sql: &str) {
    let sql = sql.replace("{database}", &shop.name);
    shop.admin()
        .await
        .execute_unprepared(&sql)
        .await
        .expect(&sql);
}

/// Breaks what was whole, sees it named, and with `mend`, runs the remedies and sees them work.
pub async fn each(cases: &[Case], mend: bool) {
    for case in cases {
        let shop = Shop::open().await;
        run(&shop, case.wrong).await;
        let report = check(&shop).await;
        let object = case.object.replace("{database}", &shop.name);
        let found = report.findings.iter().any(|finding| {
            (finding.rule, finding.severity) == (case.rule, case.severity)
                && finding.object == object
        });
        assert!(found, "{}: {report}", case.wrong);
        assert_eq!(report.is_safe(), case.severity == Advice, "{report}");
        if mend && !["policy-missing", "table-missing"].contains(&case.rule) {
            for finding in &report.findings {
                run(&shop, &finding.remedy).await;
            }
            let left = check(&shop).await;
            let left = left.findings.iter().find(|it| it.rule == case.rule);
            assert_eq!(left, None, "{}", case.wrong);
        }
    }
}

#[tokio::test]
async fn migrated_database_is_clean() {
    let shop = Shop::open().await;
    let report = check(&shop).await;
    assert_eq!(report.to_string(), "nothing found");
    // Whoever asks.
    let migrator = checked(&shop.migrator().await).await;
    assert_eq!(migrator, report);
}

#[tokio::test]
async fn heirs_by_the_hundred_are_looked_at() {
    let shop = Shop::open().await;
    let heirs = "DO $$ BEGIN FOR n IN 1..200 LOOP \
                 EXECUTE format('CREATE TABLE heir_%s (PRIMARY KEY (id)) INHERITS (orders)', n); \
                 END LOOP; END $$";
    run(&shop, heirs).await;
    let plain = shop.db.plain();
    checked(&plain).await;
    let started = std::time::Instant::now();
    assert_eq!(checked(&plain).await.to_string(), "nothing found");
    println!("204 tables in {:?}", started.elapsed());
}

#[tokio::test]
async fn i41_tables_that_policies_do_not_hold_for_are_named_and_mended() {
    each(&TABLES, true).await;
}

#[tokio::test]
async fn i41_i42_policies_that_are_not_the_generated_ones_are_named_and_mended() {
    each(&POLICIES, true).await;
}

#[tokio::test]
async fn i43_rights_beyond_rows_are_named_and_mended() {
    each(&RIGHTS, true).await;
}

// As a deployment has it: roles that are named after the database.
#[tokio::test]
async fn command_line_answers_by_its_exit_code_and_the_fix_is_a_migration() {
    let shop = server()
        .migrated::<migration::Migrator>("rls_shop")
        .await
        .unwrap();
    let url = shop.url(dotmac_database::rls::Login::Migrator);
    let only = "tenants,users,orders,order_lines";
    let run = async |arguments: &[&str]| {
        let all = [
            &["migration", "-u", &url, "rls"],
            arguments,
            &["--tables", only],
        ]
        .concat();
        format!("{:?}", Cli::parse_from(all).run().await.unwrap())
    };
    let (well, ill) = (
        format!("{:?}", std::process::ExitCode::SUCCESS),
        format!("{:?}", std::process::ExitCode::FAILURE),
    );
    assert_eq!(run(&["check"]).await, well);
    assert_eq!(run(&["diff", "--json"]).await, well);
    let admin = sea_orm::Database::connect(shop.superuser_url())
        .await
        .unwrap();
    let wrong = "ALTER TABLE orders NO FORCE ROW LEVEL SECURITY; \
                 CREATE POLICY wide ON users USING (true)";
    admin.execute_unprepared(wrong).await.unwrap();
    assert_eq!(run(&["check", "--json"]).await, ill);
    assert_eq!(run(&["diff", "--fix"]).await, ill);
    let only = Include::all().tables(only.split(','));
    let report = rls::check(&admin, shop.roles(), &only).await.unwrap();
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["findings"][0]["severity"], "danger");
    let rules = |report: &Report| report.findings.iter().map(|it| it.rule).collect::<Vec<_>>();
    assert_eq!(rules(&report), ["policy-extra", "rls-not-forced"]);
    let differs = report.clone().installed();
    assert_eq!(rules(&differs), ["rls-not-forced"]);
    let fix =
        "        db.execute_unprepared(\"ALTER TABLE orders FORCE ROW LEVEL SECURITY;\").await?;\n";
    assert!(rls::migration(&differs).contains(fix));
    let all = rls::migration(&report);
    // What somebody may need is not dropped unasked.
    assert!(
        all.contains("        // DROP POLICY wide ON users;\n"),
        "{all}"
    );
    assert!(!all.contains("execute_unprepared(\"DROP POLICY"), "{all}");
}

// Roles are the server's: these are of one database, and no other test's.
#[tokio::test]
async fn i40_role_that_policies_do_not_bind_is_named_and_mended() {
    let shop = server()
        .migrated::<migration::Migrator>("bad")
        .await
        .unwrap();
    let admin = sea_orm::Database::connect(shop.superuser_url())
        .await
        .unwrap();
    let check = async || {
        let only = Include::all().tables(["orders"]);
        rls::check(&admin, shop.roles(), &only).await.unwrap()
    };
    for (wrong, rule) in [
        ("ALTER ROLE bad_app SUPERUSER", "role-bypasses"),
        ("ALTER ROLE bad_app BYPASSRLS", "role-bypasses"),
        ("ALTER ROLE bad_app CREATEROLE", "role-bypasses"),
        ("ALTER ROLE bad_app REPLICATION", "role-bypasses"),
        (
            "CREATE ROLE bad_boss BYPASSRLS; CREATE ROLE bad_way; GRANT bad_boss TO bad_way; \
             GRANT bad_way TO bad_app",
            "role-bypasses",
        ),
        ("GRANT bad_migrator TO bad_app", "role-membership"),
        ("GRANT bad_system TO bad_app", "role-membership"),
        ("GRANT pg_read_server_files TO bad_app", "role-membership"),
        ("ALTER ROLE bad_owner LOGIN", "role-owner"),
        ("ALTER ROLE bad_migrator BYPASSRLS CREATEDB", "role-strong"),
        ("ALTER ROLE bad_system NOLOGIN", "role-login"),
        ("REVOKE bad_owner FROM bad_migrator", "role-lacks"),
        (
            "REVOKE USAGE ON SCHEMA public FROM bad_app, PUBLIC",
            "role-lacks",
        ),
        (
            "REVOKE CONNECT ON DATABASE bad FROM bad_system, PUBLIC",
            "role-lacks",
        ),
        (
            "ALTER DEFAULT PRIVILEGES FOR ROLE bad_owner GRANT SELECT ON TABLES TO bad_app",
            "default-privileges",
        ),
        (
            "ALTER DEFAULT PRIVILEGES FOR ROLE bad_migrator IN SCHEMA public \
             GRANT ALL ON TABLES TO PUBLIC, bad_system",
            "default-privileges",
        ),
        ("ALTER ROLE bad_system RENAME TO bad_lost", "role-missing"),
    ] {
        admin.execute_unprepared(wrong).await.unwrap();
        let report = check().await;
        let found = report.findings.iter().any(|finding| finding.rule == rule);
        assert!(found, "{wrong}: {report}");
        assert!(!report.is_safe(), "{wrong}");
        let differences = shop.roles().differences(&admin).await.unwrap();
        let of_roles = report.findings.iter().filter(|finding| {
            finding.rule.starts_with("role-") || finding.rule == "default-privileges"
        });
        let of_roles: Vec<_> = of_roles.cloned().collect();
        assert_eq!(differences.findings, of_roles, "{wrong}");
        for finding in &report.findings {
            admin
                .execute_unprepared(&finding.remedy)
                .await
                .expect(&finding.remedy);
        }
        if rule != "role-missing" {
            let left = check().await;
            assert_eq!(left.to_string(), "nothing found", "{wrong}");
        }
    }
}
