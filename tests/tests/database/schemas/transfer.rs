//! A tenant's rows move between the shared tables and tables of its own, exactly or not at all.

use dotmac_database::tenancy::{CloneData, RowPlace, clone_schema, copy_rows, remove_rows};
use dotmac_database::{ErrorKind, TenantId};
use sea_orm::{ConnectionTrait, DatabaseConnection, TransactionTrait};

use super::site::{not_clonable, run, schema, text, texts, until_waiting_for};
use crate::cancellation::poll_times;
use crate::support::{A, B, Shop, kind};

const TABLES: [&str; 4] = ["tenants", "users", "orders", "order_lines"];

/// The shop with rows of A and B in `public`, and the same tables in a schema of A's own.
struct Move {
    shop: Shop,
    admin: DatabaseConnection,
    migrator: DatabaseConnection,
    tenant: TenantId,
    shared: RowPlace,
    own: RowPlace,
}

impl Move {
    async fn open() -> Self {
        Self::with("").await
    }

    /// With more in the tables, on both sides.
    async fn with(more: &str) -> Self {
        let shop = Shop::open().await;
        let admin = shop.admin().await;
        run(more, &admin).await;
        // A deployment has a template; here, the shared tables are one for a moment.
        run("ALTER SCHEMA public RENAME TO template", &admin).await;
        let own = schema("tenant_acme");
        clone_schema(&schema("template"), &own, CloneData::None, &admin)
            .await
            .unwrap();
        let back = "ALTER SCHEMA template RENAME TO public; \
             INSERT INTO tenant_acme.products SELECT * FROM public.products; \
             UPDATE public.users SET deleted_at = now() WHERE tenant_id = 'acme'";
        run(back, &admin).await;
        Move {
            migrator: shop.migrator().await,
            admin,
            shop,
            tenant: TenantId::parse(A).unwrap(),
            shared: RowPlace::Public,
            own: own.into(),
        }
    }

    /// All rows of a tenant in a schema.
    async fn rows(&self, schema: &str, tenant: &str) -> Vec<String> {
        let rows = |table: &str| {
            let column = if table == "tenants" {
                "id"
            } else {
                "tenant_id"
            };
            format!(
                "SELECT '{table} ' || t::text FROM {schema}.{table} t WHERE {column} = '{tenant}'"
            )
        };
        let all = TABLES.map(rows).join(" UNION ALL ");
        texts(&format!("{all} ORDER BY 1"), &self.admin).await
    }

    /// The triggers with their state.
    async fn triggers(&self) -> Vec<String> {
        let sql = "SELECT concat_ws(' ', tgrelid::regclass, tgname, tgenabled) FROM pg_trigger \
             WHERE NOT tgisinternal ORDER BY 1";
        texts(sql, &self.admin).await
    }
}

#[tokio::test]
async fn rows_move_to_a_schema_of_their_own_and_back() {
    let it = Move::open().await;
    let [before, others] = [it.rows("public", A).await, it.rows("public", B).await];
    let triggers = it.triggers().await;
    assert_eq!(before.len(), 4);

    let copied = copy_rows(&it.tenant, &it.shared, &it.own, &it.migrator).await;
    let copied = copied.unwrap();
    assert_eq!((copied.tables, copied.rows), (4, 4));
    assert_eq!(it.rows("tenant_acme", A).await, before);
    assert_eq!(it.rows("public", A).await, before);
    let removed = remove_rows(&it.tenant, &it.shared, &it.own, &it.migrator).await;
    assert_eq!(removed.unwrap().rows, 4);
    assert_eq!(it.rows("public", A).await, [""; 0]);

    let back = copy_rows(&it.tenant, &it.own, &it.shared, &it.migrator).await;
    assert_eq!(back.unwrap().rows, 4);
    let removed = remove_rows(&it.tenant, &it.own, &it.shared, &it.migrator).await;
    assert_eq!(removed.unwrap().rows, 4);
    assert_eq!(it.rows("public", A).await, before);
    assert_eq!(it.rows("tenant_acme", A).await, [""; 0]);
    assert_eq!(it.rows("public", B).await, others);
    assert_eq!(it.triggers().await, triggers);
    let seen = it.shop.order(&it.shop.a).await;
    assert_eq!(seen.number, "1");
}

#[tokio::test]
async fn rows_written_since_the_copy_are_not_removed() {
    let it = Move::open().await;
    copy_rows(&it.tenant, &it.shared, &it.own, &it.migrator)
        .await
        .unwrap();
    for schema in ["public", "tenant_acme"] {
        let change = format!("UPDATE {schema}.orders SET total_cents = total_cents + 1");
        let tx = it.admin.begin().await.unwrap();
        run(&change, &tx).await;
        let removed = remove_rows(&it.tenant, &it.shared, &it.own, &tx).await;
        let (object, reason) = not_clonable(removed);
        assert_eq!(object, "table \"orders\"");
        assert!(reason.contains("not the same"), "{reason}");
        tx.rollback().await.unwrap();
        assert_eq!(it.rows("public", A).await.len(), 4);
    }
    remove_rows(&it.tenant, &it.shared, &it.own, &it.migrator)
        .await
        .unwrap();
}

#[tokio::test]
async fn copy_and_removal_wait_for_those_who_write() {
    let it = Move::open().await;
    // Whoever writes is done before the rows are read.
    let written = async |cents: u32, schema: &str| {
        let writer = it.admin.begin().await.unwrap();
        let change =
            format!("UPDATE {schema}.orders SET total_cents = {cents} WHERE tenant_id = '{A}'");
        run(&change, &writer).await;
        let table = format!("{schema}.orders");
        until_waiting_for(&table, "shop_migrator", &it.admin).await;
        writer.commit().await.unwrap();
    };
    let copy = copy_rows(&it.tenant, &it.shared, &it.own, &it.migrator);
    let (copied, ()) = tokio::join!(copy, written(77, "public"));
    assert_eq!(copied.unwrap().rows, 4);
    let total = "SELECT total_cents::text FROM tenant_acme.orders";
    assert_eq!(text(total, &it.admin).await, "77");
    let removal = remove_rows(&it.tenant, &it.shared, &it.own, &it.migrator);
    let (removed, ()) = tokio::join!(removal, written(78, "tenant_acme"));
    assert!(not_clonable(removed).1.contains("not the same"));
    assert_eq!(it.rows("public", A).await.len(), 4);
}

#[tokio::test]
async fn rows_are_copied_once() {
    let it = Move::open().await;
    copy_rows(&it.tenant, &it.shared, &it.own, &it.migrator)
        .await
        .unwrap();
    let again = copy_rows(&it.tenant, &it.shared, &it.own, &it.migrator).await;
    assert!(not_clonable(again).1.contains("already"));
}

#[tokio::test]
async fn what_cannot_be_moved_exactly_is_named() {
    let it = Move::open().await;
    let cases = [
        (
            "DROP TABLE tenant_acme.order_lines",
            "table \"order_lines\"",
            "no such table",
        ),
        (
            "ALTER TABLE tenant_acme.orders ADD more text",
            "table \"orders\"",
            "not the same",
        ),
        (
            "ALTER TABLE tenant_acme.orders ALTER number TYPE varchar(9)",
            "table \"orders\"",
            "not the same",
        ),
        (
            "DROP POLICY dotmac_migrator ON public.users",
            "table \"users\"",
            "may hide rows",
        ),
        (
            "DROP POLICY dotmac_migrator ON tenant_acme.users",
            "table \"users\"",
            "may hide rows",
        ),
        (
            "CREATE TABLE public.jottings (order_id uuid REFERENCES public.orders (id) ON DELETE CASCADE)",
            "table \"orders\"",
            "rows of public.jottings would be changed",
        ),
    ];
    for (change, object, why) in cases {
        let tx = it.admin.begin().await.unwrap();
        run(change, &tx).await;
        run("SET LOCAL ROLE shop_migrator", &tx).await;
        let copied = copy_rows(&it.tenant, &it.shared, &it.own, &tx).await;
        let (named, reason) = not_clonable(copied);
        assert_eq!(named, object, "{change}");
        assert!(reason.contains(why), "{change}: {reason}");
        tx.rollback().await.unwrap();
    }
}

pub const NUMBERED: &str = "CREATE SEQUENCE downward INCREMENT -1; CREATE SEQUENCE codes; \
    ALTER SEQUENCE downward OWNER TO shop_owner; ALTER SEQUENCE codes OWNER TO shop_owner; \
    ALTER TABLE orders ADD ticket bigint GENERATED ALWAYS AS IDENTITY, ADD nth serial, \
      ADD down bigint DEFAULT nextval('downward'), ADD code text DEFAULT 'C-' || nextval('codes')";

/// What a new order of A is given in a schema: by identity, serial, a sequence that runs backwards, and
/// one that is part of a text.
pub async fn next_numbers(schema: &str, number: &str, admin: &DatabaseConnection) -> String {
    let sql = format!(
        "INSERT INTO {schema}.orders (id, tenant_id, number, total_cents) \
         VALUES (gen_random_uuid(), 'acme', '{number}', 1) \
         RETURNING concat_ws(' ', ticket, nth, down, code)"
    );
    text(&sql, admin).await
}

#[tokio::test]
async fn numbers_go_on_where_the_rows_are() {
    let it = Move::with(NUMBERED).await;
    let moved = async |from: &RowPlace, to: &RowPlace| {
        copy_rows(&it.tenant, from, to, &it.migrator).await.unwrap();
        remove_rows(&it.tenant, from, to, &it.migrator)
            .await
            .unwrap();
    };
    // Both tenants have an order; later ones of A are gone again.
    text("SELECT setval('orders_ticket_seq', 50)::text", &it.admin).await;
    moved(&it.shared, &it.own).await;
    let next = next_numbers("tenant_acme", "2", &it.admin).await;
    assert_eq!(next, "51 3 -3 C-3");
    // Values that no sequence gave.
    let beyond = "UPDATE tenant_acme.orders SET nth = 70, down = -70 WHERE number = '2'";
    run(beyond, &it.admin).await;
    moved(&it.own, &it.shared).await;
    let next = next_numbers("public", "3", &it.admin).await;
    assert_eq!(next, "52 71 -71 C-4");
}

const PARTITIONED: &str = "ALTER TABLE order_lines RENAME TO old_lines; \
    CREATE TABLE order_lines (LIKE old_lines INCLUDING DEFAULTS INCLUDING GENERATED) \
      PARTITION BY HASH (tenant_id); \
    CREATE TABLE order_lines_0 PARTITION OF order_lines FOR VALUES WITH (MODULUS 2, REMAINDER 0); \
    CREATE TABLE order_lines_1 PARTITION OF order_lines FOR VALUES WITH (MODULUS 2, REMAINDER 1); \
    INSERT INTO order_lines (id, created_at, updated_at, tenant_id, order_id, product_id, quantity) \
      SELECT id, created_at, updated_at, tenant_id, order_id, product_id, quantity FROM old_lines; \
    DROP TABLE old_lines; \
    CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS \
      $$ BEGIN RAISE EXCEPTION 'no % of %', TG_OP, TG_TABLE_NAME; END $$; \
    CREATE TRIGGER guard BEFORE INSERT OR DELETE ON order_lines FOR EACH ROW EXECUTE FUNCTION guard(); \
    CREATE TRIGGER part BEFORE DELETE ON order_lines_1 FOR EACH ROW EXECUTE FUNCTION guard(); \
    ALTER TABLE order_lines_0 ENABLE ALWAYS TRIGGER guard; \
    ALTER TABLE order_lines OWNER TO shop_owner; ALTER TABLE order_lines_0 OWNER TO shop_owner; \
    ALTER TABLE order_lines_1 OWNER TO shop_owner; \
    ALTER TABLE order_lines ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; \
    CREATE POLICY dotmac_migrator ON order_lines TO shop_migrator USING (true) WITH CHECK (true)";

#[tokio::test]
async fn rows_of_partitioned_tables_move_past_the_triggers_of_their_partitions() {
    let it = Move::with(PARTITIONED).await;
    let before = it.rows("public", A).await;
    let triggers = it.triggers().await;
    let copied = copy_rows(&it.tenant, &it.shared, &it.own, &it.migrator).await;
    assert_eq!(copied.unwrap().rows, 4);
    assert_eq!(it.rows("tenant_acme", A).await, before);
    let removed = remove_rows(&it.tenant, &it.shared, &it.own, &it.migrator).await;
    assert_eq!(removed.unwrap().rows, 4);
    assert_eq!(it.rows("public", A).await, [""; 0]);
    assert_eq!(it.triggers().await, triggers);
}

#[tokio::test]
async fn row_whose_partner_does_not_move_stops_the_copy() {
    let it = Move::open().await;
    run("DELETE FROM tenant_acme.products", &it.admin).await;
    let copied = copy_rows(&it.tenant, &it.shared, &it.own, &it.migrator).await;
    assert_eq!(kind(copied), ErrorKind::ForeignKey);
    assert_eq!(it.rows("tenant_acme", A).await, [""; 0]);
}

#[tokio::test]
async fn copy_dropped_at_any_poll_leaves_nothing_or_all() {
    let it = Move::open().await;
    let (mut cancelled, triggers) = (0, it.triggers().await);
    for polls in 1.. {
        let copy = copy_rows(&it.tenant, &it.shared, &it.own, &it.migrator);
        let done = poll_times(copy, polls).await.is_some();
        it.migrator.execute_unprepared("SELECT 1").await.unwrap();
        let rows = it.rows("tenant_acme", A).await.len();
        assert!(rows == 0 || rows == 4, "{rows} after {polls} polls");
        assert_eq!(it.triggers().await, triggers);
        if done || rows == 4 {
            break;
        }
        cancelled += 1;
    }
    // A busy machine answers several statements between two polls.
    assert!(cancelled > 3, "{cancelled}");
    remove_rows(&it.tenant, &it.shared, &it.own, &it.migrator)
        .await
        .unwrap();
}
