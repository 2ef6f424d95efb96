//! Mutants of the protection: each is killed by a probe that holds on the database as migrations make
//! it.

use dotmac_database::prelude::*;
use migration::entity::{order, user};
use sea_orm::{ConnectionTrait, DbBackend, Statement, TransactionTrait};

use crate::support::{B, Shop, context};

/// An attack, or a promise, that holds as long as the protection is whole.
#[derive(Debug, Clone, Copy)]
enum Probe {
    /// A tenant reads its own rows, and no others.
    Reads,
    /// A tenant changes its own rows.
    Updates,
    /// A row for another tenant is refused.
    ForeignInsert,
    /// The owner of the tables sees no rows, with a tenant or without.
    Owner,
    /// Tenants whose ids fold to the same text stay apart.
    Twins,
    /// The policy is answered by an index.
    Plan,
    /// A prepared statement serves the next tenant its own rows.
    Prepared,
    /// A cursor goes on showing the rows of the tenant that opened it.
    Cursor,
    /// A row that names no tenant is the session's.
    Default,
    /// A row cannot refer to another tenant's.
    ForeignKey,
    /// A value that another tenant has is free.
    Unique,
    /// A live row is not removed.
    Removal,
    /// Raw SQL is stamped.
    Stamp,
}

const CURRENT: &str = "nullif(current_setting('app.current_tenant_id', true), '')::varchar";

/// A policy in the place of the tenant's.
fn policy(text: &str) -> String {
    format!(
        "DROP POLICY dotmac_tenant ON orders; CREATE POLICY dotmac_tenant ON orders {}",
        text.replace("{current}", CURRENT)
    )
}

/// A policy that asks a function.
fn helper(volatility: &str, call: &str) -> String {
    format!(
        "CREATE FUNCTION tenant() RETURNS varchar LANGUAGE plpgsql {volatility} AS \
         $$ BEGIN RETURN {CURRENT}; END $$; {}",
        policy(&format!("TO shop_app USING (tenant_id = {call})")),
    )
}

fn mutants() -> Vec<(&'static str, String, Probe)> {
    let own = "tenant_id = (select {current})";
    let sql = str::to_owned;
    vec![
        (
            "without row-level security",
            sql("ALTER TABLE orders DISABLE ROW LEVEL SECURITY"),
            Probe::Reads,
        ),
        (
            "without FORCE",
            sql("ALTER TABLE orders NO FORCE ROW LEVEL SECURITY"),
            Probe::Owner,
        ),
        (
            "without CHECK",
            policy(&format!("TO shop_app USING ({own}) WITH CHECK (true)")),
            Probe::ForeignInsert,
        ),
        (
            "widened by a second policy",
            sql("CREATE POLICY wide ON orders USING (true)"),
            Probe::Reads,
        ),
        (
            "widened for inserts",
            sql("CREATE POLICY wide ON orders FOR INSERT WITH CHECK (true)"),
            Probe::ForeignInsert,
        ),
        (
            "for reads only",
            policy(&format!("FOR SELECT TO shop_app USING ({own})")),
            Probe::Updates,
        ),
        (
            "for the wrong role",
            policy(&format!("TO shop_system USING ({own})")),
            Probe::Reads,
        ),
        (
            "for all roles",
            policy(&format!("USING ({own})")),
            Probe::Owner,
        ),
        (
            "with a bypass by setting",
            policy(&format!(
                "TO shop_app USING ({own} OR current_setting('app.bypass', true) = 'on')"
            )),
            Probe::Plan,
        ),
        (
            "with a cast on the column",
            policy("TO shop_app USING (tenant_id::bytea = (select {current}::bytea))"),
            Probe::Plan,
        ),
        (
            "with folded ids",
            policy("TO shop_app USING (lower(tenant_id) = (select lower({current})))"),
            Probe::Twins,
        ),
        (
            "with a cast that cuts",
            policy("TO shop_app USING (tenant_id::char(4) = (select {current}::char(4)))"),
            Probe::Twins,
        ),
        (
            "asking an immutable helper",
            helper("IMMUTABLE", "tenant()"),
            Probe::Prepared,
        ),
        (
            "asking a volatile helper",
            helper("VOLATILE", "tenant()"),
            Probe::Plan,
        ),
        (
            "asking for each row",
            policy("TO shop_app USING (tenant_id = {current})"),
            Probe::Cursor,
        ),
        (
            "without the default",
            sql("ALTER TABLE orders ALTER tenant_id DROP DEFAULT"),
            Probe::Default,
        ),
        (
            "with a key of one column",
            sql(
                "ALTER TABLE orders DROP CONSTRAINT fk_orders_user_id_users; \
                 ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users (id)",
            ),
            Probe::ForeignKey,
        ),
        (
            "with values unique for all",
            sql("CREATE UNIQUE INDEX one ON orders (number) WHERE number <> '1'"),
            Probe::Unique,
        ),
        (
            "without the guard",
            sql("ALTER TABLE order_lines DISABLE TRIGGER dotmac_guard_order_lines"),
            Probe::Removal,
        ),
        (
            "without the stamps",
            sql("ALTER TABLE orders DISABLE TRIGGER dotmac_stamp_orders"),
            Probe::Stamp,
        ),
    ]
}

impl Probe {
    const ALL: [Probe; 13] = [
        Probe::Reads,
        Probe::Updates,
        Probe::ForeignInsert,
        Probe::Owner,
        Probe::Twins,
        Probe::Plan,
        Probe::Prepared,
        Probe::Cursor,
        Probe::Default,
        Probe::ForeignKey,
        Probe::Unique,
        Probe::Removal,
        Probe::Stamp,
    ];

    /// Whether it holds. What it does is rolled back.
    async fn holds(self, shop: &Shop) -> bool {
        let own = shop.db.begin(&shop.a).unwrap();
        match self {
            Probe::Reads => tenants(&own, "SELECT tenant_id FROM orders").await == ["acme"],
            Probe::Updates => affected(&own, "UPDATE orders SET total_cents = 1").await == Ok(1),
            Probe::ForeignInsert => {
                refused(
                    &own,
                    "INSERT INTO orders (id, tenant_id, number, total_cents) \
                     VALUES (gen_random_uuid(), 'beta', '7', 1)",
                )
                .await
            }
            Probe::Owner => owner_sees_nothing(shop).await,
            Probe::Twins => {
                let mut seen = Vec::new();
                for twin in ["ACME", "acme-2"] {
                    let twin = shop.db.begin(&context(twin)).unwrap();
                    seen.extend(tenants(&twin, "SELECT tenant_id FROM orders").await);
                }
                seen.is_empty()
            }
            Probe::Plan => plan_uses_an_index(&own).await,
            Probe::Prepared => {
                drop(own);
                let mut seen = Vec::new();
                // On the pool's one connection; after five runs PostgreSQL keeps a plan for all.
                for context in [
                    &shop.a, &shop.a, &shop.a, &shop.a, &shop.a, &shop.a, &shop.b,
                ] {
                    let work = async |tx: &Session| order::Entity::find().all(tx).await;
                    seen = shop.db.read(context, work).await.unwrap();
                }
                seen.len() == 1 && seen[0].tenant_id == B
            }
            Probe::Cursor => {
                // A scan of the table asks the policy for each row.
                let open = "SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off; \
                            INSERT INTO orders (id, number, total_cents) \
                            VALUES (gen_random_uuid(), '7', 1); \
                            DECLARE c CURSOR FOR SELECT tenant_id FROM orders; FETCH c";
                own.execute_unprepared(open).await.unwrap();
                let turn = "DO $$ BEGIN PERFORM set_config('app.current_tenant_id', 'beta', true); \
                            END $$";
                own.execute_unprepared(turn).await.unwrap();
                tenants(&own, "FETCH ALL FROM c").await == ["acme"]
            }
            Probe::Default => {
                let insert = "INSERT INTO orders (id, number, total_cents) \
                              VALUES (gen_random_uuid(), '7', 1)";
                affected(&own, insert).await == Ok(1)
            }
            Probe::ForeignKey => {
                let foreign = shop.order(&shop.b).await.user_id.unwrap();
                let sql = format!("UPDATE orders SET user_id = '{foreign}'");
                refused(&own, &sql).await
            }
            Probe::Unique => {
                let insert = "INSERT INTO orders (id, number, total_cents) \
                              VALUES (gen_random_uuid(), '8', 1)";
                let other = shop.db.begin(&shop.b).unwrap();
                let first = affected(&other, insert).await;
                // Not committed: a global value would make this one wait.
                own.execute_unprepared("SET LOCAL lock_timeout = '100ms'")
                    .await
                    .unwrap();
                (first, affected(&own, insert).await) == (Ok(1), Ok(1))
            }
            Probe::Removal => refused(&own, "DELETE FROM order_lines").await,
            Probe::Stamp => {
                let sql = "UPDATE orders SET updated_by = 'forged' \
                           RETURNING updated_by AS tenant_id";
                tenants(&own, sql).await == ["acme-user"]
            }
        }
    }
}

async fn tenants(db: &Session, sql: &str) -> Vec<String> {
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let rows = db.query_all_raw(statement).await.unwrap();
    rows.iter()
        .map(|row| row.try_get("", "tenant_id").unwrap())
        .collect()
}

async fn affected(db: &Session, sql: &str) -> Result<u64, String> {
    let done = db.execute_unprepared(sql).await;
    done.map(|it| it.rows_affected())
        .map_err(|error| error.to_string())
}

async fn refused(db: &Session, sql: &str) -> bool {
    affected(db, sql).await.is_err()
}

async fn owner_sees_nothing(shop: &Shop) -> bool {
    let migrator = shop.migrator().await;
    let mut seen = Vec::new();
    for tenant in ["", "acme"] {
        let transaction = migrator.begin().await.unwrap();
        let sql =
            format!("SET LOCAL ROLE shop_owner; SET LOCAL app.current_tenant_id = '{tenant}'");
        transaction.execute_unprepared(&sql).await.unwrap();
        let statement = Statement::from_string(DbBackend::Postgres, "SELECT 1 FROM orders");
        seen.extend(transaction.query_all_raw(statement).await.unwrap());
    }
    migrator.close().await.unwrap();
    seen.is_empty()
}

// With few rows the planner would scan the table anyway.
async fn plan_uses_an_index(own: &Session) -> bool {
    own.execute_unprepared("SET LOCAL enable_seqscan = off")
        .await
        .unwrap();
    let explain =
        Statement::from_string(DbBackend::Postgres, "EXPLAIN SELECT count(*) FROM orders");
    let rows = own.query_all_raw(explain).await.unwrap();
    let lines = rows.iter().map(|row| row.try_get_by_index::<String>(0));
    lines
        .map(Result::unwrap)
        .any(|it| it.contains("Index Cond: (") && it.contains("tenant_id"))
}

#[tokio::test]
async fn every_mutant_of_the_protection_is_killed() {
    let mut killed = 0;
    for (mutant, sql, probe) in mutants() {
        let shop = Shop::with_pool(4).await;
        shop.admin()
            .await
            .execute_unprepared(&sql)
            .await
            .expect(mutant);
        // Autovacuum has plans made anew, which hides a mutant that lives in a plan: it is looked at again.
        let mut looks = 0;
        while probe.holds(&shop).await {
            looks += 1;
            assert!(looks < 3, "{mutant}: {probe:?} holds");
        }
        killed += 1;
    }
    println!("{killed} mutants killed");
}

#[tokio::test]
async fn every_probe_holds_on_the_database_that_migrations_make() {
    let shop = Shop::with_pool(4).await;
    for probe in Probe::ALL {
        assert!(probe.holds(&shop).await, "{probe:?}");
    }
    let users = shop
        .db
        .read(&shop.a, async |tx| user::Entity::find().all(tx).await);
    assert_eq!(users.await.unwrap().len(), 1);
}
