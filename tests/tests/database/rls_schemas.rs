//! I41: `rls::check` looks into the schemas of all tenants.

use std::time::Instant;

use dotmac_database::migrate::Include;
use dotmac_database::rls::Severity::Danger;
use dotmac_database::rls::{self, Report};

use crate::schemas::kit::{by_admin, estate};
use crate::support::{Shop, roles};

const TABLES: [&str; 5] = ["tenants", "users", "orders", "order_lines", "open_*"];

async fn checked(shop: &Shop, include: Include) -> Report {
    let include = include.tables(TABLES);
    rls::check(&shop.db.plain(), &roles(), &include)
        .await
        .unwrap()
}

#[tokio::test]
async fn i41_tables_in_the_schema_of_a_tenant_are_named_and_mended() {
    let shop = estate(1).await;
    let report = checked(&shop, Include::all()).await;
    assert_eq!(report.to_string(), "nothing found");
    for (rule, object, wrong) in [
        (
            "rls-off",
            "tenant_beta.orders",
            "ALTER TABLE tenant_beta.orders DISABLE ROW LEVEL SECURITY",
        ),
        (
            "rls-not-forced",
            "tenant_beta.orders",
            "ALTER TABLE tenant_beta.orders NO FORCE ROW LEVEL SECURITY",
        ),
        (
            "grant-truncate",
            "tenant_beta.orders",
            "GRANT TRUNCATE ON tenant_beta.orders TO shop_app",
        ),
        (
            "policy-differs",
            "dotmac_tenant on tenant_acme.users",
            "ALTER POLICY dotmac_tenant ON tenant_acme.users USING (true)",
        ),
        (
            "view-open",
            "tenant_beta.all_orders",
            "CREATE VIEW tenant_beta.all_orders AS SELECT * FROM tenant_beta.orders",
        ),
        (
            "table-open",
            "tenant_beta.open_notes",
            "CREATE TABLE tenant_beta.open_notes (note text); GRANT SELECT ON tenant_beta.open_notes TO shop_app",
        ),
        (
            "role-creates",
            "schema tenant_beta",
            "GRANT CREATE ON SCHEMA tenant_beta TO shop_app",
        ),
    ] {
        by_admin(&shop, wrong).await;
        let report = checked(&shop, Include::all()).await;
        let found = report
            .findings
            .iter()
            .map(|it| (it.rule, it.object.as_str()));
        assert_eq!(Vec::from_iter(found), [(rule, object)], "{wrong}");
        assert!(!report.is_safe());
        by_admin(&shop, &report.findings[0].remedy).await;
        let report = checked(&shop, Include::all()).await;
        assert_eq!(report.to_string(), "nothing found", "{wrong}");
    }
}

#[tokio::test]
async fn schemas_of_tenants_are_chosen_by_pattern() {
    let shop = estate(1).await;
    let wrong = "ALTER TABLE tenant_beta.orders DISABLE ROW LEVEL SECURITY; \
                 ALTER TABLE public.users DISABLE ROW LEVEL SECURITY; DROP TABLE public.order_lines";
    by_admin(&shop, wrong).await;
    for (include, expected) in [
        (Include::all(), &["tenant_beta.orders", "users"][..]),
        (
            Include::all().schemas(["public"]),
            &["users", "order_lines"],
        ),
        (
            Include::all().schemas(["tenant_?eta"]),
            &["tenant_beta.orders"],
        ),
        (Include::all().schemas(["tenant_a*"]), &[]),
        (Include::all().except_schemas(["*beta", "public"]), &[]),
    ] {
        let report = checked(&shop, include.clone()).await;
        let found = report.findings.iter().map(|it| it.object.as_str());
        assert_eq!(Vec::from_iter(found), expected, "{include:?}");
    }
}

// A figure for a thousand is in the guide; what grows with the square of them is seen with fewer.
#[tokio::test]
async fn schemas_by_the_hundred_are_looked_at() {
    let shop = estate(1).await;
    let sql = "DO $$ DECLARE t text; BEGIN FOR n IN 1..100 LOOP \
        EXECUTE format('CREATE SCHEMA tenant_n%s; GRANT USAGE ON SCHEMA tenant_n%1$s TO shop_app', n); \
        FOREACH t IN ARRAY ARRAY['tenants', 'users', 'orders', 'order_lines'] LOOP \
        EXECUTE format('CREATE TABLE tenant_n%s.%I (LIKE public.%2$I INCLUDING ALL); \
            ALTER TABLE tenant_n%1$s.%2$I OWNER TO shop_owner; \
            ALTER TABLE tenant_n%1$s.%2$I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; \
            CREATE POLICY dotmac_tenant ON tenant_n%1$s.%2$I TO shop_app USING (%3$I = \
                (select nullif(current_setting(''app.current_tenant_id'', true), '''')::varchar)); \
            CREATE POLICY dotmac_migrator ON tenant_n%1$s.%2$I TO shop_migrator USING (true); \
            CREATE POLICY dotmac_system ON tenant_n%1$s.%2$I TO shop_system USING (true); \
            GRANT SELECT ON tenant_n%1$s.%2$I TO shop_app', \
            n, t, CASE t WHEN 'tenants' THEN 'id' ELSE 'tenant_id' END); \
        END LOOP; END LOOP; END $$";
    by_admin(&shop, sql).await;
    by_admin(
        &shop,
        "ANALYZE; ALTER TABLE tenant_n77.orders DISABLE ROW LEVEL SECURITY",
    )
    .await;
    let started = Instant::now();
    let report = checked(&shop, Include::all()).await;
    println!("412 tables in {:?}", started.elapsed());
    let found = report
        .findings
        .iter()
        .map(|it| (it.rule, it.severity, it.object.as_str()));
    assert_eq!(
        Vec::from_iter(found),
        [("rls-off", Danger, "tenant_n77.orders")]
    );
}
