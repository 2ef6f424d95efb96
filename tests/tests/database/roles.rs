//! I40: the start check refuses a login that row-level security does not bind.

use dotmac_database::prelude::*;
use dotmac_database::rls::Roles;
use dotmac_database::{StartCheck, migrate};
use migration::entity::order;
use sea_orm::{ConnectionTrait, DbBackend, Statement, TransactionTrait};
use sea_orm_migration::SchemaManager;

use crate::support::{PASSWORD, Shop, create_database, roles, server};

/// Connects as a fresh role that `setup` describes, `{role}` being its name.
async fn connect_as(shop: &Shop, setup: &str) -> Result<Database, Error> {
    let role = format!("r_{}", Uuid::now_v7().simple());
    let admin = shop.admin().await;
    let sql = format!("CREATE ROLE {role} LOGIN PASSWORD 'x'; {setup}").replace("{role}", &role);
    admin.execute_unprepared(&sql).await.unwrap();
    let url = server().url(&role, "x", &shop.name);
    Database::connect(DatabaseConfig::new(&url)?.pool_size(1)).await
}

async fn refused(shop: &Shop, setup: &str, expected: &str) {
    let error = connect_as(shop, setup).await.expect_err(setup);
    assert_eq!(error.kind(), ErrorKind::BypassesRls, "{setup}");
    let message = error.to_string();
    assert!(message.contains(expected), "{setup}: {message}");
}

#[tokio::test]
async fn i40_start_refuses_roles_that_bypass_policies() {
    let shop = Shop::open().await;
    refused(&shop, "ALTER ROLE {role} SUPERUSER", "SUPERUSER").await;
    refused(&shop, "ALTER ROLE {role} BYPASSRLS", "NOBYPASSRLS").await;
    refused(
        &shop,
        "CREATE ROLE {role}_strong BYPASSRLS; GRANT {role}_strong TO {role}",
        "member of",
    )
    .await;
    refused(
        &shop,
        "CREATE ROLE {role}_a; CREATE ROLE {role}_b SUPERUSER; GRANT {role}_b TO {role}_a; \
         GRANT {role}_a TO {role}; ALTER ROLE {role} NOINHERIT",
        "REVOKE",
    )
    .await;
    refused(&shop, "ALTER ROLE {role} CREATEROLE", "NOCREATEROLE").await;
    refused(&shop, "ALTER ROLE {role} REPLICATION", "NOREPLICATION").await;
    refused(
        &shop,
        "CREATE ROLE {role}_log REPLICATION; GRANT {role}_log TO {role}",
        "_log\", which has REPLICATION",
    )
    .await;
    refused(
        &shop,
        "GRANT pg_read_server_files TO {role}",
        "pg_read_server_files",
    )
    .await;
    refused(&shop, "GRANT shop_system TO {role}", "dotmac_system").await;
    assert!(connect_as(&shop, "GRANT shop_app TO {role}").await.is_ok());
    // Last, because it stays.
    let owner =
        "ALTER TABLE orders OWNER TO {role}; ALTER TABLE orders NO FORCE ROW LEVEL SECURITY";
    refused(&shop, owner, "FORCE ROW LEVEL SECURITY").await;
}

#[tokio::test]
async fn i40_start_refuses_logins_with_a_policy_for_all_rows() {
    let shop = Shop::open().await;
    for login in [roles().migrator, roles().system] {
        let config = DatabaseConfig::new(&server().url(&login, PASSWORD, &shop.name)).unwrap();
        let error = Database::connect(config).await.expect_err(&login);
        assert_eq!(error.kind(), ErrorKind::BypassesRls, "{error}");
    }
    let wide = "CREATE POLICY wide ON orders USING (true)";
    shop.admin().await.execute_unprepared(wide).await.unwrap();
    let error = shop.db.check().await.expect_err("a wide policy");
    assert!(
        error.to_string().contains("DROP POLICY \"wide\" ON orders"),
        "{error}"
    );
}

#[tokio::test]
async fn i40_start_check_can_be_turned_off_only_by_name() {
    let shop = Shop::open().await;
    let url = server().url("postgres", server().password(), &shop.name);
    let config = DatabaseConfig::new(&url).unwrap();
    let refused = Database::connect(config.clone())
        .await
        .expect_err("a superuser");
    assert_eq!(refused.kind(), ErrorKind::BypassesRls);
    assert!(
        refused
            .to_string()
            .contains("connect as a role without SUPERUSER")
    );
    let named = config.start_check(StartCheck::SkippedUnprotected);
    assert!(Database::connect(named).await.is_ok());
}

#[tokio::test]
async fn i41_start_refuses_a_tenant_table_without_policies() {
    let shop = Shop::open().await;
    let admin = shop.admin().await;
    admin
        .execute_unprepared("ALTER TABLE orders DISABLE ROW LEVEL SECURITY")
        .await
        .unwrap();
    let error = shop.db.check().await.expect_err("unprotected");
    assert_eq!(error.kind(), ErrorKind::Unprotected);
    assert!(error.to_string().contains("orders"), "{error}");
}

#[tokio::test]
async fn i44_migrator_sees_all_rows_and_the_owner_none() {
    let shop = Shop::open().await;
    let migrator = shop.migrator().await;
    let all = migrator
        .execute_unprepared("UPDATE orders SET total_cents = total_cents + 1")
        .await
        .unwrap();
    assert_eq!(all.rows_affected(), 2);
    let owner = migrator
        .execute_unprepared("SET ROLE shop_owner; UPDATE orders SET total_cents = 0")
        .await
        .unwrap();
    assert_eq!(owner.rows_affected(), 0);
}

#[tokio::test]
async fn table_of_a_tenant_aware_entity_cannot_be_shared() {
    let shop = Shop::open().await;
    let migrator = shop.migrator().await;
    let shared = dotmac_database::rls::share::<order::Entity, _>(&migrator, &roles()).await;
    assert_eq!(shared.expect_err("refused").kind(), ErrorKind::Schema);
}

// Each mutation of the protection is seen by the query that the tests of reads rely on.
#[tokio::test]
async fn broken_protection_shows_foreign_rows() {
    for mutation in [
        "ALTER TABLE orders DISABLE ROW LEVEL SECURITY",
        "CREATE POLICY wide ON orders USING (true)",
        "DROP POLICY dotmac_tenant ON orders; CREATE POLICY dotmac_tenant ON orders TO shop_app \
         USING (true)",
    ] {
        let shop = Shop::open().await;
        shop.admin()
            .await
            .execute_unprepared(mutation)
            .await
            .unwrap();
        let rows = shop
            .db
            .read(&shop.a, async |tx| order::Entity::find().all(tx).await);
        assert_eq!(rows.await.unwrap().len(), 2, "{mutation}");
    }
}

#[tokio::test]
async fn missing_roles_are_named_with_the_remedy() {
    let shop = Shop::open().await;
    let migrator = shop.migrator().await;
    // The copies of the template have its roles, not those of their own name.
    let missing = Roles::of_database(&migrator)
        .await
        .unwrap()
        .create(&migrator)
        .await;
    let message = missing.expect_err("no CREATEROLE").to_string();
    assert!(message.contains("run `Roles::create`"), "{message}");
    let refused = migrate::install::<order::Entity>(&SchemaManager::new(&migrator)).await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn existing_roles_are_adopted_and_strong_ones_refused() {
    let admin = crate::support::admin(&create_database("template1").await).await;
    let roles = Roles::with_prefix("adopted");
    let before = "CREATE ROLE adopted_app NOLOGIN; CREATE ROLE adopted_owner; \
                  ALTER DEFAULT PRIVILEGES FOR ROLE adopted_owner GRANT ALL ON TABLES TO adopted_app";
    admin.execute_unprepared(before).await.unwrap();
    roles.create(&admin).await.unwrap();
    let left = roles.differences(&admin).await.unwrap();
    let rules: Vec<_> = left
        .findings
        .iter()
        .map(|it| (it.rule, it.object.as_str()))
        .collect();
    assert_eq!(rules, [("role-login", "adopted_app")]);
    // A table that is made later is closed until policies stand.
    let later = "SET ROLE adopted_owner; CREATE TABLE later (n int); RESET ROLE; \
                 SELECT has_table_privilege('adopted_app', 'later', 'SELECT')";
    let transaction = admin.begin().await.unwrap();
    transaction.execute_unprepared(later).await.unwrap();
    let asked =
        "SELECT has_table_privilege('adopted_app', 'later', 'SELECT, INSERT, UPDATE, DELETE')";
    let asked = Statement::from_string(DbBackend::Postgres, asked);
    let row = transaction.query_one_raw(asked).await.unwrap().unwrap();
    assert!(!row.try_get_by_index::<bool>(0).unwrap());
    transaction.rollback().await.unwrap();

    let strong = "ALTER ROLE adopted_system SUPERUSER CREATEROLE";
    admin.execute_unprepared(strong).await.unwrap();
    let refused = roles.create(&admin).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::BypassesRls);
    let remedy = "run `ALTER ROLE \"adopted_system\" NOSUPERUSER NOCREATEROLE`";
    assert!(refused.to_string().contains(remedy), "{refused}");
    roles.drop(&admin).await.unwrap();
}

#[tokio::test]
async fn dropped_roles_leave_the_catalog_as_it_was() {
    let admin = crate::support::admin(&create_database("template1").await).await;
    let rights = async || {
        let sql = "SELECT concat_ws('|', (SELECT datacl FROM pg_database WHERE datname = current_database()), \
                   (SELECT nspacl FROM pg_namespace WHERE nspname = 'public'), \
                   (SELECT array_agg(defaclacl) FROM pg_default_acl), \
                   (SELECT array_agg(rolname) FROM pg_roles WHERE rolname LIKE 'passing%'))";
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        let row = admin.query_one_raw(statement).await.unwrap().unwrap();
        row.try_get_by_index::<String>(0).unwrap()
    };
    let before = rights().await;
    let roles = Roles::with_prefix("passing");
    roles.create(&admin).await.unwrap();
    assert_eq!(roles.differences(&admin).await.unwrap().findings, []);
    assert_ne!(rights().await, before);
    roles.drop(&admin).await.unwrap();
    assert_eq!(rights().await, before);
}
