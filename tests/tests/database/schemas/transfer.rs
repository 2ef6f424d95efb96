//! A tenant's rows move between the shared tables and tables of its own, exactly or not at all.

use dotmac_database::tenancy::{CloneData, RowPlace, clone_schema, copy_rows, remove_rows};
use dotmac_database::{ErrorKind, TenantId};
use sea_orm::{ConnectionTrait, DatabaseConnection, TransactionTrait};

use super::site::{not_clonable, run, schema, texts};
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
        let shop = Shop::open().await;
        let admin = shop.admin().await;
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
