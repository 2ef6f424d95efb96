//! Migrations up, down and again, on PostgreSQL and SQLite.

use dotmac_database::migrate::create_indexes;
use dotmac_database::rls::{self, share};
use dotmac_database::{Error, ErrorKind};
use migration::Migrator;
use migration::entity::{order, user};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use sea_orm_migration::{MigratorTrait, SchemaManager};

use crate::support::{Shop, admin, create_database};

async fn names(db: &DatabaseConnection, sql: &str) -> Vec<String> {
    let rows = db
        .query_all_raw(Statement::from_string(DbBackend::Postgres, sql))
        .await
        .unwrap();
    rows.iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .collect()
}

const OBJECTS: &str = "SELECT 'table ' || relname::text FROM pg_class WHERE relkind IN ('r', 'i') \
    AND relnamespace = 'public'::regnamespace AND relname NOT LIKE 'seaql%' \
    UNION ALL SELECT 'function ' || proname::text FROM pg_proc \
    WHERE pronamespace = 'public'::regnamespace \
    UNION ALL SELECT 'policy ' || polname::text FROM pg_policy \
    UNION ALL SELECT 'trigger ' || tgname::text FROM pg_trigger WHERE NOT tgisinternal \
    ORDER BY 1";

#[tokio::test]
async fn i45_down_takes_away_what_up_made_and_nothing_else() {
    let name = create_database("template1").await;
    let db = admin(&name).await;
    db.execute_unprepared("CREATE TABLE bystander (id int)")
        .await
        .unwrap();
    let before = names(&db, OBJECTS).await;
    Migrator::up(&db, None).await.unwrap();
    let up = names(&db, OBJECTS).await;
    assert!(up.contains(&"policy dotmac_tenant".to_owned()));
    assert!(up.contains(&"trigger dotmac_stamp_orders".to_owned()));
    assert!(up.contains(&"function dotmac_guard_orders".to_owned()));
    Migrator::down(&db, None).await.unwrap();
    assert_eq!(names(&db, OBJECTS).await, before);
    Migrator::up(&db, None).await.unwrap();
    assert_eq!(names(&db, OBJECTS).await, up);
}

#[tokio::test]
async fn tables_are_protected_as_designed() {
    let shop = Shop::open().await;
    let admin = shop.admin().await;
    let unforced = names(
        &admin,
        "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relname <> 'seaql_migrations' \
         AND relnamespace = 'public'::regnamespace \
         AND NOT (relrowsecurity AND relforcerowsecurity AND relowner = 'shop_owner'::regrole)",
    )
    .await;
    assert_eq!(unforced, [""; 0]);
    let policies = names(
        &admin,
        "SELECT DISTINCT pg_get_expr(polqual, polrelid) || ' | ' || \
         pg_get_expr(polwithcheck, polrelid) FROM pg_policy \
         WHERE polname = 'dotmac_tenant' AND polrelid = 'orders'::regclass",
    )
    .await;
    let equality = "((tenant_id)::text = (( SELECT (NULLIF(current_setting('app.current_tenant_id'\
                    ::text, true), ''::text))::character varying AS \"nullif\"))::text)";
    assert_eq!(policies, [format!("{equality} | {equality}")]);
    let rights = names(
        &admin,
        "SELECT string_agg(privilege_type, ',' ORDER BY privilege_type) \
         FROM information_schema.role_table_grants \
         WHERE grantee = 'shop_app' AND table_name = 'orders'",
    )
    .await;
    assert_eq!(rights, ["DELETE,INSERT,SELECT,UPDATE"]);
    let foreign_keys = names(
        &admin,
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint \
         WHERE conname IN ('fk_order_lines_order_id_orders', 'fk_orders_user_id_users') \
         ORDER BY conname",
    )
    .await;
    assert_eq!(
        foreign_keys,
        [
            "FOREIGN KEY (tenant_id, order_id) REFERENCES orders(tenant_id, id)",
            "FOREIGN KEY (tenant_id, user_id) REFERENCES users(tenant_id, id)",
        ],
    );
    let unique = names(
        &admin,
        "SELECT indexdef FROM pg_indexes WHERE indexname = 'uq_users_email'",
    )
    .await;
    assert_eq!(
        unique,
        [
            "CREATE UNIQUE INDEX uq_users_email ON public.users USING btree (tenant_id, email) \
          WHERE (deleted_at IS NULL)"
        ],
    );
}

#[tokio::test]
async fn policy_uses_the_index_led_by_the_tenant() {
    let shop = Shop::open().await;
    let admin = shop.admin().await;
    admin
        .execute_unprepared(
            "INSERT INTO orders (id, tenant_id, number, total_cents) \
             SELECT gen_random_uuid(), 't' || n % 200, n::text, 1 FROM generate_series(1, 20000) n; \
             ANALYZE orders",
        )
        .await
        .unwrap();
    let session = shop.db.begin(&shop.a).unwrap();
    let sql = "EXPLAIN SELECT count(*) FROM orders";
    let rows = session
        .query_all_raw(Statement::from_string(DbBackend::Postgres, sql))
        .await
        .unwrap();
    let plan: Vec<String> = rows
        .iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .collect();
    let plan = plan.join("\n");
    assert!(plan.contains("Index"), "{plan}");
    assert!(!plan.contains("Seq Scan"), "{plan}");
}

#[tokio::test]
async fn migrations_run_on_sqlite_too() {
    let db = dotmac_database::testing::in_memory().await.unwrap();
    let plain = db.plain();
    Migrator::up(&plain, None).await.unwrap();
    Migrator::down(&plain, None).await.unwrap();
    Migrator::up(&plain, None).await.unwrap();
}

#[tokio::test]
async fn index_of_another_shape_under_the_same_name_is_an_error() {
    let shop = Shop::open().await;
    let admin = shop.admin().await;
    // What an entity without tenant and soft delete had.
    let global = "DROP INDEX uq_users_email; CREATE UNIQUE INDEX uq_users_email ON users (email)";
    let distinct = "UPDATE users SET email = tenant_id || email";
    admin.execute_unprepared(distinct).await.unwrap();
    admin.execute_unprepared(global).await.unwrap();
    let manager = SchemaManager::new(&admin);
    let error = create_indexes::<user::Entity>(&manager).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema, "{error}");
    assert!(error.to_string().contains("uq_users_email"), "{error}");
}

/// Known to no entity, and protected all the same.
mod stray {
    use dotmac_database::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "strays")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod order_without_tenant {
    use dotmac_database::prelude::*;

    /// The orders' entity after somebody took `TenantAware` off.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "orders")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

#[tokio::test]
async fn table_of_tenants_is_not_shared_by_an_entity_that_forgot_them() {
    let shop = Shop::open().await;
    let migrator = shop.migrator().await;
    let stray = "CREATE TABLE strays (id uuid PRIMARY KEY); \
                 CREATE POLICY dotmac_tenant ON strays USING (false)";
    migrator.execute_unprepared(stray).await.unwrap();
    let roles = crate::support::roles();
    for refused in [
        share::<order_without_tenant::Entity, _>(&migrator, &roles).await,
        share::<stray::Entity, _>(&migrator, &roles).await,
    ] {
        let refused = refused.unwrap_err();
        assert!(
            matches!(refused, Error::SharedTenantTable { .. }),
            "{refused}"
        );
    }
    // Also where no policy stands yet, because another entity knows its tenants.
    rls::remove::<order::Entity, _>(&migrator, &roles)
        .await
        .unwrap();
    let refused = share::<order_without_tenant::Entity, _>(&migrator, &roles).await;
    assert!(
        matches!(refused, Err(Error::SharedTenantTable { .. })),
        "{refused:?}"
    );
    rls::remove::<stray::Entity, _>(&migrator, &roles)
        .await
        .unwrap();
    share::<stray::Entity, _>(&migrator, &roles).await.unwrap();
}
