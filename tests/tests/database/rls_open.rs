//! I41, I43: `rls::check` names tables that no tenant-aware entity is of, and that the application reads
//! or writes without policies.

use dotmac_database::migrate::{Include, install_directory, install_outbox};
use dotmac_database::rls::Severity::{Danger, Warning};
use dotmac_database::rls::{self, Roles};
use dotmac_database::tenancy::Directory;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use sea_orm_migration::SchemaManager;

use crate::rls_check::{Case, case, check, each, run};
use crate::support::{Shop, roles, server};

const OPEN: [Case; 12] = [
    case(
        "table-open",
        Danger,
        "open_notes",
        "CREATE TABLE open_notes (tenant_id text, note text); GRANT SELECT ON open_notes TO shop_app",
    ),
    case(
        "table-open",
        Danger,
        "open_notes",
        "CREATE TABLE open_notes (\"Note\" uuid, tenant_id uuid NOT NULL) PARTITION BY HASH (tenant_id); \
         GRANT INSERT (\"Note\") ON open_notes TO PUBLIC",
    ),
    // A junction: whose a row is, tells the order.
    case(
        "table-open",
        Danger,
        "open_tags",
        "CREATE TABLE open_tags (order_id uuid REFERENCES orders ON DELETE CASCADE, tag text); \
         GRANT SELECT, INSERT, DELETE ON open_tags TO shop_app",
    ),
    case(
        "foreign-key-single",
        Danger,
        "open_notes_order_id_fkey on open_notes",
        "CREATE TABLE open_notes (tenant_id varchar, order_id uuid REFERENCES orders ON DELETE CASCADE)",
    ),
    case(
        "table-open",
        Danger,
        "\"Other\".open_notes",
        "CREATE SCHEMA \"Other\"; CREATE TABLE \"Other\".open_notes (tenant_id text); \
         GRANT USAGE ON SCHEMA \"Other\" TO shop_app; GRANT DELETE ON \"Other\".open_notes TO shop_app",
    ),
    case(
        "table-open",
        Danger,
        "open_far",
        "CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER far FOREIGN DATA WRAPPER nothing; \
         CREATE FOREIGN TABLE open_far (tenant_id text) SERVER far; GRANT SELECT ON open_far TO shop_app",
    ),
    // Policies do not bind its owner.
    case(
        "table-open",
        Danger,
        "open_own",
        "CREATE TABLE open_own (tenant_id text); ALTER TABLE open_own OWNER TO shop_app; \
         ALTER TABLE open_own ENABLE ROW LEVEL SECURITY",
    ),
    case(
        "policy-wide",
        Danger,
        "everybody on open_notes",
        "CREATE TABLE open_notes (tenant_id text); GRANT SELECT ON open_notes TO shop_app; \
         ALTER TABLE open_notes ENABLE ROW LEVEL SECURITY; CREATE POLICY everybody ON open_notes USING (true)",
    ),
    case(
        "grant-truncate",
        Danger,
        "open_notes",
        "CREATE TABLE open_notes (tenant_id text); GRANT TRUNCATE ON open_notes TO shop_app; \
         ALTER TABLE open_notes ENABLE ROW LEVEL SECURITY",
    ),
    case(
        "table-open",
        Warning,
        "open_rates",
        "CREATE TABLE open_rates (rate int); GRANT SELECT ON open_rates TO PUBLIC",
    ),
    // A right on a column is one.
    case(
        "table-open",
        Warning,
        "open_rates",
        "CREATE TABLE open_rates (rate int); GRANT UPDATE (rate) ON open_rates TO PUBLIC",
    ),
    case(
        "table-open",
        Warning,
        "open_far",
        "CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER far FOREIGN DATA WRAPPER nothing; \
         CREATE FOREIGN TABLE open_far (rate int) SERVER far; GRANT SELECT ON open_far TO shop_app",
    ),
];

#[tokio::test]
async fn i41_open_tables_of_no_entity_are_named_and_mended() {
    each(&OPEN, true).await;
}

/// What is in the table, as a tenant sees it.
async fn notes(shop: &Shop) -> Vec<String> {
    let sql = "SELECT note FROM open_notes ORDER BY 1";
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let rows = shop
        .db
        .read(&shop.a, async |tx| tx.query_all_raw(statement).await);
    let rows = rows.await.unwrap().into_iter();
    rows.map(|row| row.try_get_by_index(0).unwrap()).collect()
}

#[tokio::test]
async fn remedy_of_an_open_table_shows_each_tenant_its_rows() {
    let shop = Shop::open().await;
    let open = "CREATE TABLE open_notes (tenant_id varchar(20), note text); \
                INSERT INTO open_notes VALUES ('acme', 'mine'), ('beta', 'theirs'); \
                GRANT SELECT ON open_notes TO shop_app";
    run(&shop, open).await;
    assert_eq!(notes(&shop).await, ["mine", "theirs"]);
    let report = check(&shop).await;
    let [found] = report.findings.as_slice() else {
        panic!("{report}");
    };
    run(&shop, &found.remedy).await;
    assert_eq!(check(&shop).await.findings, []);
    assert_eq!(notes(&shop).await, ["mine"]);
    let migrator = shop.migrator().await;
    let all = migrator.execute_unprepared("UPDATE open_notes SET note = note");
    assert_eq!(all.await.unwrap().rows_affected(), 2);
}

// Shared, with a policy of their own, or out of reach.
#[tokio::test]
async fn tables_that_are_meant_as_they_are_are_not_named() {
    let shop = Shop::open().await;
    let sql = "\
        CREATE TABLE open_nobodys (tenant_id text);\
        CREATE TABLE open_shared (tenant_id text); GRANT SELECT ON open_shared TO shop_app;\
        ALTER TABLE open_shared ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;\
        CREATE POLICY dotmac_shared ON open_shared FOR SELECT TO shop_app USING (true);\
        CREATE TABLE open_jobs (job text); GRANT SELECT, INSERT, DELETE ON open_jobs TO shop_app;\
        ALTER TABLE open_jobs ENABLE ROW LEVEL SECURITY; CREATE POLICY jobs ON open_jobs TO shop_app USING (true);\
        CREATE TABLE open_mine (tenant_id text); GRANT SELECT ON open_mine TO shop_app;\
        ALTER TABLE open_mine ENABLE ROW LEVEL SECURITY;\
        CREATE POLICY mine ON open_mine USING (tenant_id = current_setting('app.current_tenant_id', true));\
        CREATE POLICY reports ON open_mine TO shop_system USING (true);\
        CREATE SCHEMA hidden; CREATE TABLE hidden.open_rates (rate int); GRANT ALL ON hidden.open_rates TO PUBLIC";
    run(&shop, sql).await;
    let report = check(&shop).await;
    assert_eq!(report.to_string(), "nothing found");
    // By name, as with everything that a check looks at.
    let open = "ALTER TABLE open_jobs DISABLE ROW LEVEL SECURITY; ALTER TABLE open_mine DISABLE ROW LEVEL SECURITY; \
                GRANT TRUNCATE ON open_mine TO shop_app";
    run(&shop, open).await;
    let tables = ["tenants", "users", "orders", "order_lines", "open_*"];
    let all = Include::all().tables(tables);
    let plain = shop.db.plain();
    let report = rls::check(&plain, &roles(), &all).await.unwrap();
    let objects: Vec<_> = report.findings.iter().map(|it| &it.object).collect();
    assert_eq!(objects, ["open_mine", "open_jobs"], "{report}");
    let all = all.except_tables(["open_jobs", "open_m?ne"]);
    let report = rls::check(&plain, &roles(), &all).await.unwrap();
    assert_eq!(report.to_string(), "nothing found");
}

#[tokio::test]
async fn tables_of_the_library_are_not_named() {
    let shop = server()
        .migrated::<migration::Migrator>("rls_library")
        .await
        .unwrap();
    let url = shop.url(dotmac_database::rls::Login::Migrator);
    let migrator = sea_orm::Database::connect(&url).await.unwrap();
    let manager = SchemaManager::new(&migrator);
    install_outbox(&manager).await.unwrap();
    install_directory(&Directory::default(), &manager)
        .await
        .unwrap();
    let roles: &Roles = shop.roles();
    roles
        .show_migrations("seaql_migrations", &migrator)
        .await
        .unwrap();
    let report = rls::check(&migrator, roles, &Include::all()).await.unwrap();
    // The tables of this program's other entities are not there.
    let found = report
        .findings
        .iter()
        .filter(|it| it.rule != "table-missing");
    assert_eq!(found.count(), 0, "{report}");
}
