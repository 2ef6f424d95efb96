//! I43: `rls::check` names views and functions that show a tenant what their owner sees.

use dotmac_database::rls::Severity::{Danger, Warning};

use crate::rls_check::{Case, case, each};

const VIEWS: [Case; 13] = [
    // Of a role with a policy of its own, or of a member of it.
    case(
        "view-open",
        Danger,
        "totals",
        "CREATE ROLE analyst; GRANT SELECT ON orders TO analyst; \
         CREATE POLICY analyst ON orders TO analyst USING (true); \
         CREATE VIEW totals AS SELECT * FROM orders; ALTER VIEW totals OWNER TO analyst",
    ),
    case(
        "definer-function",
        Danger,
        "peek()",
        "CREATE ROLE analysts; CREATE ROLE intern; GRANT analysts TO intern; GRANT SELECT ON orders TO intern; \
         CREATE POLICY analysts ON orders FOR SELECT TO analysts USING (total_cents > 0); \
         CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS \
         $$ SELECT count(*) FROM orders $$; ALTER FUNCTION peek() OWNER TO intern",
    ),
    // Whose statement fires a trigger needs no right on its function.
    case(
        "definer-function",
        Danger,
        "total()",
        "CREATE FUNCTION total() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN \
         NEW.total_cents := (SELECT count(*) FROM orders); RETURN NEW; END $$; \
         REVOKE EXECUTE ON FUNCTION total() FROM PUBLIC; \
         CREATE TRIGGER total BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION total()",
    ),
    case(
        "definer-function",
        Danger,
        "total()",
        "CREATE FUNCTION total() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN \
         PERFORM 1 FROM orders; RETURN NULL; END $$; REVOKE EXECUTE ON FUNCTION total() FROM PUBLIC; \
         CREATE VIEW door WITH (security_invoker = true) AS SELECT number FROM orders; \
         GRANT INSERT (number) ON door TO shop_app; \
         CREATE TRIGGER total INSTEAD OF INSERT ON door FOR EACH ROW EXECUTE FUNCTION total()",
    ),
    case(
        "view-open",
        Danger,
        "all_orders",
        "CREATE VIEW all_orders AS SELECT * FROM orders; ALTER VIEW all_orders OWNER TO shop_system",
    ),
    case(
        "definer-function",
        Danger,
        "peek()",
        "CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS \
         $$ SELECT count(*) FROM orders $$; ALTER FUNCTION peek() OWNER TO shop_system",
    ),
    case(
        "view-open",
        Danger,
        "all_orders",
        "CREATE VIEW all_orders AS SELECT * FROM orders",
    ),
    // Through another view.
    case(
        "view-open",
        Danger,
        "numbers",
        "CREATE VIEW all_orders WITH (security_invoker = true) AS SELECT * FROM orders; \
         CREATE VIEW numbers AS SELECT number FROM all_orders",
    ),
    case(
        "view-open",
        Danger,
        "all_orders",
        "CREATE VIEW all_orders AS SELECT * FROM orders; ALTER VIEW all_orders OWNER TO shop_migrator",
    ),
    case(
        "materialized-view",
        Warning,
        "kept",
        "CREATE MATERIALIZED VIEW kept AS SELECT * FROM orders",
    ),
    case(
        "definer-function",
        Danger,
        "peek()",
        "CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = public AS \
         $$ SELECT count(*) FROM orders $$",
    ),
    case(
        "definer-function",
        Danger,
        "peek()",
        "CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER \
         BEGIN ATOMIC SELECT count(*) FROM orders; END",
    ),
    case(
        "definer-function",
        Warning,
        "one()",
        "CREATE FUNCTION one() RETURNS int LANGUAGE sql SECURITY DEFINER AS $$ SELECT 1 $$",
    ),
];

#[tokio::test]
async fn i43_views_and_functions_that_show_all_rows_are_named_and_mended() {
    each(&VIEWS, true).await;
}
