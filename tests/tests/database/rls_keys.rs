//! I27, I28: `rls::check` names keys and constraints that do not keep to the tenant, and indexes that serve none.

use dotmac_database::rls::Severity::{Advice, Danger, Warning};

use crate::rls_check::{Case, case, check, each, run};
use crate::support::Shop;

const KEYS: [Case; 1] = [case(
    "foreign-key-single",
    Danger,
    "loose on orders",
    "ALTER TABLE orders ADD CONSTRAINT loose FOREIGN KEY (user_id) REFERENCES users (id)",
)];

/// What is only named: the remedy is a human's.
const DECISIONS: [Case; 12] = [
    case(
        "unique-global",
        Warning,
        "booked on orders",
        "ALTER TABLE orders ADD during tstzrange, ADD CONSTRAINT booked EXCLUDE USING gist (during WITH &&)",
    ),
    // For one value, one tenant.
    case(
        "unique-global",
        Warning,
        "taken on orders",
        "CREATE EXTENSION btree_gist; ALTER TABLE orders ADD CONSTRAINT taken \
         EXCLUDE USING gist (id WITH =, tenant_id WITH <>)",
    ),
    // What is only included is not part of the key.
    case(
        "unique-global",
        Warning,
        "numbers on orders",
        "CREATE UNIQUE INDEX numbers ON orders (id) INCLUDE (tenant_id)",
    ),
    case(
        "key-natural",
        Advice,
        "order_lines_pkey on order_lines",
        "ALTER TABLE order_lines DROP CONSTRAINT order_lines_pkey; ALTER TABLE order_lines ADD COLUMN number serial; \
         ALTER TABLE order_lines ADD PRIMARY KEY (number) INCLUDE (tenant_id)",
    ),
    case(
        "unique-global",
        Warning,
        "one on orders",
        "ALTER TABLE orders ADD CONSTRAINT one UNIQUE (number, created_at) INCLUDE (tenant_id)",
    ),
    case(
        "key-natural",
        Advice,
        "order_lines_pkey on order_lines",
        "ALTER TABLE order_lines DROP CONSTRAINT order_lines_pkey; \
         ALTER TABLE order_lines ADD COLUMN number serial PRIMARY KEY",
    ),
    case(
        "materialized-view",
        Danger,
        "kept",
        "CREATE MATERIALIZED VIEW kept AS SELECT * FROM orders; GRANT SELECT ON kept TO shop_app",
    ),
    case(
        "unique-global",
        Warning,
        "numbers on orders",
        "CREATE UNIQUE INDEX numbers ON orders (number) WHERE number > '1'",
    ),
    case(
        "unique-global",
        Warning,
        "one on orders",
        "ALTER TABLE orders ADD CONSTRAINT one UNIQUE (number, created_at)",
    ),
    case(
        "index-not-led",
        Advice,
        "totals on orders",
        "CREATE INDEX totals ON orders (total_cents)",
    ),
    case(
        "index-not-leakproof",
        Advice,
        "amounts on orders",
        "ALTER TABLE orders ADD amount numeric; CREATE INDEX amounts ON orders (tenant_id, amount)",
    ),
    case(
        "index-not-leakproof",
        Advice,
        "bodies on orders",
        "ALTER TABLE orders ADD body jsonb; CREATE INDEX bodies ON orders USING gin (body)",
    ),
];

#[tokio::test]
async fn i27_foreign_keys_without_the_tenant_are_named_and_mended() {
    each(&KEYS, true).await;
}

#[tokio::test]
async fn what_a_human_has_to_decide_is_named() {
    each(&DECISIONS, false).await;
}

// What resembles these cases, and holds tenants apart.
#[tokio::test]
async fn constraints_and_triggers_that_keep_to_the_tenant_are_not_named() {
    let shop = Shop::open().await;
    let sql = "ALTER TABLE orders ADD during tstzrange; CREATE EXTENSION btree_gist; \
        ALTER TABLE orders ADD EXCLUDE USING gist (during WITH &&, tenant_id WITH =); \
        ALTER TABLE orders ADD EXCLUDE USING btree (tenant_id WITH =, number WITH =); \
        ALTER TABLE orders ADD UNIQUE (number, tenant_id) INCLUDE (total_cents); \
        CREATE FUNCTION total() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN \
        PERFORM 1 FROM orders; RETURN NULL; END $$; REVOKE EXECUTE ON FUNCTION total() FROM PUBLIC; \
        CREATE TRIGGER total AFTER INSERT ON products FOR EACH ROW EXECUTE FUNCTION total(); \
        CREATE TRIGGER total AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION total(); \
        ALTER TABLE users DISABLE TRIGGER total";
    run(&shop, sql).await;
    let report = check(&shop).await;
    let unsafe_ones = report.findings.iter().filter(|it| it.severity != Advice);
    assert_eq!(unsafe_ones.count(), 0, "{report}");
}
