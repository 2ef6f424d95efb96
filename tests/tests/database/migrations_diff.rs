//! How a database differs from the entities, on PostgreSQL and SQLite.

use dotmac_database::migrate::{Comparison, Include, diff};
use dotmac_database::rls::Roles;
use dotmac_database::{ErrorKind, testing};
use migration::Migrator;
use sea_orm::{ConnectionTrait, DatabaseConnection};
use sea_orm_migration::{MigratorTrait, SchemaManager};

use crate::support::{Shop, kind, roles};

/// The entities of the shop; the binary has others, on the same tables too.
fn shop() -> Comparison {
    let entities = ["tenant", "user", "product", "order", "order_line"];
    entities
        .map(|name| format!("migration::entity::{name}"))
        .into_iter()
        .fold(Comparison::all().roles(roles()), Comparison::entity)
}

async fn lines(comparison: &Comparison, db: &DatabaseConnection) -> Vec<String> {
    let differences = diff(comparison, &SchemaManager::new(db)).await.unwrap();
    differences.iter().map(ToString::to_string).collect()
}

/// The differences after a change of the database by hand.
async fn after(change: &str) -> Vec<String> {
    let shop_ = Shop::open().await;
    let admin = shop_.admin().await;
    admin.execute_unprepared(change).await.unwrap();
    let found = lines(&shop(), &admin).await;
    admin.close().await.unwrap();
    found
}

#[tokio::test]
async fn migrated_database_does_not_differ() {
    assert_eq!(after("SELECT 1").await, [""; 0]);
    // The entity does not tell of checks: this is no difference.
    let check = "ALTER TABLE orders ADD CONSTRAINT ck_orders_total CHECK (total_cents >= 0)";
    assert_eq!(after(check).await, [""; 0]);
}

#[tokio::test]
async fn difference_leaves_the_database_as_it_was() {
    let shop_ = Shop::open().await;
    let admin = shop_.admin().await;
    admin
        .execute_unprepared("DROP TABLE order_lines")
        .await
        .unwrap();
    assert_eq!(
        lines(&shop(), &admin).await,
        ["order_lines: table is missing"]
    );
    let manager = SchemaManager::new(&admin);
    assert!(!manager.has_table("order_lines").await.unwrap());
    // A schema that is left behind would be found by the next one.
    assert_eq!(
        lines(&shop(), &admin).await,
        ["order_lines: table is missing"]
    );
}

#[tokio::test]
async fn missing_and_extra_columns_are_found() {
    let found = after(
        "ALTER TABLE order_lines DROP COLUMN quantity; ALTER TABLE users ADD COLUMN legacy text",
    );
    assert_eq!(
        found.await,
        [
            "users: column `legacy` is in the database only",
            "order_lines: column `quantity` is missing (type integer, nullable no, default none)",
        ],
    );
}

#[tokio::test]
async fn type_nullability_and_default_of_a_column_are_compared() {
    let found = after(
        "ALTER TABLE orders ALTER COLUMN total_cents TYPE integer; \
         ALTER TABLE orders ALTER COLUMN number DROP NOT NULL; \
         ALTER TABLE orders ALTER COLUMN created_at SET DEFAULT '2000-01-01'",
    )
    .await;
    assert_eq!(
        found,
        [
            "orders: column `number`: nullable is yes, the entity wants no",
            "orders: column `total_cents`: type is integer, the entity wants bigint",
            "orders: column `created_at`: default is '2000-01-01 00:00:00+00'::timestamp with time \
             zone, the entity wants CURRENT_TIMESTAMP",
        ],
    );
}

#[tokio::test]
async fn indexes_and_foreign_keys_are_compared() {
    let found = after(
        "DROP INDEX uq_users_email; CREATE UNIQUE INDEX uq_users_email ON users (tenant_id, email); \
         DROP INDEX idx_orders_user_id; CREATE INDEX by_hand ON orders (total_cents); \
         ALTER TABLE order_lines DROP CONSTRAINT fk_order_lines_order_id_orders; \
         ALTER TABLE order_lines ADD CONSTRAINT fk_order_lines_order_id_orders \
         FOREIGN KEY (order_id) REFERENCES orders (id)",
    );
    assert_eq!(
        found.await,
        [
            "users: index `uq_users_email`: definition is UNIQUE btree (tenant_id, email), the entity \
             wants UNIQUE btree (tenant_id, email) WHERE (deleted_at IS NULL)",
            "orders: index `idx_orders_user_id` is missing",
            "orders: index `by_hand` is in the database only",
            "order_lines: foreign key `fk_order_lines_order_id_orders`: definition is FOREIGN KEY \
             (order_id) REFERENCES orders(id), the entity wants FOREIGN KEY (tenant_id, order_id) \
             REFERENCES orders(tenant_id, id)",
        ],
    );
}

#[tokio::test]
async fn triggers_are_compared() {
    let found = after(
        "DROP TRIGGER dotmac_guard_users ON users; \
         ALTER TABLE orders DISABLE TRIGGER dotmac_guard_orders; \
         CREATE TRIGGER dotmac_guard_orders BEFORE DELETE ON products \
           FOR EACH ROW EXECUTE FUNCTION dotmac_guard_orders(); \
         CREATE OR REPLACE FUNCTION dotmac_guard_order_lines() RETURNS trigger LANGUAGE plpgsql \
           AS 'BEGIN RETURN OLD; END'",
    )
    .await;
    assert_eq!(
        found[..3],
        [
            "users: trigger `dotmac_guard_users` is missing",
            "orders: trigger `dotmac_guard_orders`: state is disabled, the entity wants enabled",
            "products: trigger `dotmac_guard_orders` is in the database only",
        ],
    );
    let function =
        "order_lines: trigger `dotmac_guard_order_lines`: function is BEGIN RETURN OLD; END,";
    assert!(found[3].starts_with(function), "{}", found[3]);
    assert_eq!(found.len(), 4, "{found:?}");
}

#[tokio::test]
async fn weakened_row_level_security_is_found() {
    let found = after(
        "ALTER TABLE users NO FORCE ROW LEVEL SECURITY; \
         ALTER TABLE orders OWNER TO shop_migrator; \
         DROP POLICY dotmac_tenant ON order_lines; \
         CREATE POLICY dotmac_tenant ON order_lines TO shop_app USING (true); \
         CREATE POLICY by_hand ON products USING (true); \
         DROP POLICY dotmac_system ON tenants",
    )
    .await;
    assert_eq!(
        found[..3],
        [
            "users: table: row-level security is enabled, the entity wants forced",
            "orders: table: owner is shop_migrator, the entity wants shop_owner",
            "products: policy `by_hand` is in the database only",
        ],
    );
    let using = "order_lines: policy `dotmac_tenant`: using is true, the entity wants ";
    assert!(found[3].starts_with(using), "{}", found[3]);
    assert!(
        found[4].contains("`dotmac_tenant`: with check is"),
        "{}",
        found[4]
    );
    assert_eq!(found[5..], ["tenants: policy `dotmac_system` is missing"]);
}

#[tokio::test]
async fn unprotected_table_of_tenants_is_found() {
    let found = after(
        "ALTER TABLE users DISABLE ROW LEVEL SECURITY; DROP POLICY dotmac_tenant ON users; \
         DROP POLICY dotmac_migrator ON users; DROP POLICY dotmac_system ON users",
    )
    .await;
    assert_eq!(
        found[0],
        "users: table: row-level security is off, the entity wants forced"
    );
    assert!(
        found.contains(&"users: policy `dotmac_tenant` is missing".to_owned()),
        "{found:?}"
    );
}

#[tokio::test]
async fn what_the_filter_leaves_out_is_not_compared() {
    let shop_ = Shop::open().await;
    let admin = shop_.admin().await;
    let change = "CREATE INDEX by_hand ON orders (total_cents); DROP INDEX idx_orders_user_id; \
                  ALTER TABLE users DROP COLUMN name";
    admin.execute_unprepared(change).await.unwrap();
    let not = |include| async { lines(&shop().include(include), &admin).await };
    assert_eq!(
        not(Include::all()
            .except_tables(["user?"])
            .except_indexes(["by_*"]))
        .await,
        ["orders: index `idx_orders_user_id` is missing"],
    );
    let users = not(Include::all().tables(["users"])).await;
    assert_eq!(users.len(), 1, "{users:?}");
    assert_eq!(not(Include::all().schemas(["other"])).await, [""; 0]);
}

#[tokio::test]
async fn role_that_may_not_create_a_schema_is_told_so() {
    let shop_ = Shop::open().await;
    let migrator = shop_.migrator().await;
    let refused = diff(&shop(), &SchemaManager::new(&migrator)).await;
    assert_eq!(kind(refused), ErrorKind::Denied);
}

#[tokio::test]
async fn missing_role_is_an_error() {
    let shop_ = Shop::open().await;
    let admin = shop_.admin().await;
    let other = shop().roles(Roles::with_prefix("nobody"));
    let error = diff(&other, &SchemaManager::new(&admin)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("nobody_owner"), "{error}");
}

#[tokio::test]
async fn entity_that_does_not_exist_is_an_error() {
    let db = testing::in_memory().await.unwrap();
    let plain = db.plain();
    let comparison = Comparison::all().entity("unicorns");
    let refused = diff(&comparison, &SchemaManager::new(&plain)).await;
    assert_eq!(kind(refused), ErrorKind::Schema);
}

#[tokio::test]
async fn sqlite_is_compared_too() {
    let db = testing::in_memory().await.unwrap();
    let plain = db.plain();
    Migrator::up(&plain, None).await.unwrap();
    assert_eq!(lines(&shop(), &plain).await, [""; 0]);
    let change = "DROP INDEX uq_users_email; ALTER TABLE users DROP COLUMN name; \
                  ALTER TABLE orders ADD COLUMN legacy text; DROP TRIGGER dotmac_guard_orders; \
                  CREATE INDEX by_hand ON users (email)";
    plain.execute_unprepared(change).await.unwrap();
    assert_eq!(
        lines(&shop(), &plain).await,
        [
            "users: column `name` is missing (type varchar, nullable no, default none)",
            "users: index `uq_users_email` is missing",
            "users: index `by_hand` is in the database only",
            "orders: trigger `dotmac_guard_orders` is missing",
            "orders: column `legacy` is in the database only",
        ],
    );
    plain
        .execute_unprepared("DROP TABLE order_lines")
        .await
        .unwrap();
    let found = lines(&shop(), &plain).await;
    assert!(
        found.contains(&"order_lines: table is missing".to_owned()),
        "{found:?}"
    );
}
