//! A tenant that leaves a schema leaves nothing behind in it that is dropped with it.

use dotmac_database::TenancyError;
use dotmac_database::prelude::*;
use sea_orm::TransactionTrait;

use super::relocation_bed::Estate;
use super::site::{run, text};

/// With acme in a schema of its own, suspended.
async fn estate() -> Estate {
    let estate = Estate::open().await;
    estate.move_to("schema").await.unwrap();
    estate
}

/// What is named as lost, where acme would move.
async fn lost(estate: &Estate, place: &str) -> String {
    let refused = match estate.move_to(place).await.unwrap_err() {
        Error::Tenancy(TenancyError::WouldBeLost { tenant, objects }) => {
            assert_eq!(tenant, "acme");
            objects
        }
        error => panic!("{error:?}"),
    };
    // Nothing has happened, in neither place.
    let after = format!("refused to move to {place}");
    assert_eq!(estate.assert_whole(&after).await, "schema", "{after}");
    estate.assert_clean(&after).await;
    refused
}

#[tokio::test]
async fn rows_of_tables_that_do_not_move_stop_the_move_by_name() {
    let estate = estate().await;
    let migrator = &estate.migrator;
    let cases = [
        (
            "CREATE TABLE tenant_acme.jottings (note text); \
             INSERT INTO tenant_acme.jottings VALUES ('raw SQL')",
            "tenant_acme.jottings",
            "TRUNCATE tenant_acme.jottings",
        ),
        (
            "CREATE TABLE tenant_acme.\"odd-parts\" (note text) PARTITION BY LIST (note); \
             CREATE TABLE tenant_acme.part PARTITION OF tenant_acme.\"odd-parts\" DEFAULT; \
             INSERT INTO tenant_acme.\"odd-parts\" VALUES ('a')",
            "tenant_acme.\"odd-parts\"",
            "TRUNCATE tenant_acme.\"odd-parts\"",
        ),
        (
            "CREATE TABLE tenant_acme.heir () INHERITS (tenant_acme.jottings); \
             INSERT INTO tenant_acme.heir VALUES ('a')",
            "tenant_acme.heir",
            "TRUNCATE tenant_acme.heir",
        ),
        // Rows of a tenant-aware table that are another tenant's.
        (
            "INSERT INTO tenant_acme.users (id, tenant_id, email, name) \
             VALUES (gen_random_uuid(), 'beta', 'stray@example.com', 'stray')",
            "tenant_acme.users",
            "UPDATE tenant_acme.users SET deleted_at = now() WHERE tenant_id = 'beta'; \
             DELETE FROM tenant_acme.users WHERE tenant_id = 'beta'",
        ),
        // A number that was given to somebody.
        (
            "CREATE SEQUENCE tenant_acme.invoices; SELECT nextval('tenant_acme.invoices')",
            "tenant_acme.invoices",
            "CREATE SEQUENCE public.invoices; SELECT setval('public.invoices', 7)",
        ),
    ];
    for (change, objects, undo) in cases {
        run(change, migrator).await;
        assert_eq!(lost(&estate, "rows").await, objects);
        run(undo, migrator).await;
    }
    // Tables without rows go with the schema, as do views of others.
    let view = "CREATE MATERIALIZED VIEW tenant_acme.totals AS SELECT 1 AS total";
    run(view, migrator).await;
    estate.move_to("rows").await.unwrap();
    estate.assert_clean("nothing to lose").await;
}

#[tokio::test]
async fn rows_of_tables_that_do_not_move_stop_a_move_to_another_database() {
    let estate = estate().await;
    let make = "CREATE TABLE tenant_acme.jottings (note text); \
        INSERT INTO tenant_acme.jottings VALUES ('raw SQL'), ('raw SQL')";
    run(make, &estate.migrator).await;
    assert_eq!(lost(&estate, "database:eu").await, "tenant_acme.jottings");
    // The same note is there, but once.
    let there = "CREATE TABLE jottings (note text); INSERT INTO jottings VALUES ('raw SQL')";
    run(there, &estate.others["eu"].admin).await;
    let grant = format!(
        "GRANT SELECT ON jottings TO {}",
        estate.others["eu"].database.roles().migrator
    );
    run(&grant, &estate.others["eu"].admin).await;
    assert_eq!(lost(&estate, "database:eu").await, "tenant_acme.jottings");
    let again = "INSERT INTO jottings VALUES ('raw SQL'), ('another')";
    run(again, &estate.others["eu"].admin).await;
    estate.move_to("database:eu").await.unwrap();
    estate.assert_clean("all is there").await;
}

/// A product in a schema, whose stamps say when it was put there.
fn product(schema: &str, cents: u32) -> String {
    format!(
        "INSERT INTO {schema}.products (id, name, price_cents) \
         VALUES ('00000000-0000-7000-8000-000000000001', 'pear', {cents})"
    )
}

#[tokio::test]
async fn rows_of_an_entity_without_tenant_go_where_the_new_place_has_them() {
    let estate = estate().await;
    let admin = &estate.home.admin;
    run(&product("tenant_acme", 5), admin).await;
    let line = "INSERT INTO tenant_acme.order_lines (id, tenant_id, order_id, product_id, quantity) \
        SELECT gen_random_uuid(), 'acme', o.id, p.id, 1 \
        FROM tenant_acme.orders o, tenant_acme.products p WHERE number = 'A-1'";
    run(&product("public", 6), admin).await;
    assert_eq!(lost(&estate, "rows").await, "tenant_acme.products");
    run("UPDATE public.products SET price_cents = 5", admin).await;
    run(line, admin).await;
    estate.move_to("rows").await.unwrap();
    let lines = "SELECT count(*)::text FROM public.order_lines WHERE tenant_id = 'acme'";
    assert_eq!(text(lines, admin).await, "1");
}

#[tokio::test]
async fn row_that_is_written_beside_the_move_is_not_lost() {
    let estate = estate().await;
    let admin = &estate.home.admin;
    let make = "CREATE TABLE tenant_acme.jottings (note text)";
    run(make, &estate.migrator).await;
    let writer = admin.begin().await.unwrap();
    run("INSERT INTO tenant_acme.jottings VALUES ('late')", &writer).await;
    let commit = async {
        estate.home.until_waiting_for("tenant_acme.jottings").await;
        writer.commit().await.unwrap();
    };
    let (objects, ()) = tokio::join!(lost(&estate, "rows"), commit);
    assert_eq!(objects, "tenant_acme.jottings");
}

#[tokio::test]
async fn table_whose_rows_may_be_hidden_is_not_taken_for_empty() {
    let estate = estate().await;
    let make = format!(
        "CREATE TABLE tenant_acme.secrets (id integer); \
         ALTER TABLE tenant_acme.secrets OWNER TO {}; \
         ALTER TABLE tenant_acme.secrets ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; \
         INSERT INTO tenant_acme.secrets VALUES (1)",
        estate.home.database.roles().owner,
    );
    run(&make, &estate.home.admin).await;
    match estate.move_to("rows").await.unwrap_err() {
        Error::Tenancy(TenancyError::HiddenRows { tables, .. }) => {
            assert_eq!(tables, "tenant_acme.secrets");
        }
        error => panic!("{error:?}"),
    }
    estate.assert_clean("hidden").await;
}

/// A schema that a move has left, as it would be after an interruption.
async fn leftover(estate: &Estate, copied: &str) {
    let make = format!(
        "CREATE SCHEMA tenant_acme AUTHORIZATION {owner}; \
         CREATE TABLE tenant_acme.jottings (note text); \
         ALTER TABLE tenant_acme.jottings OWNER TO {owner}; \
         INSERT INTO tenant_acme.jottings VALUES ('late'); \
         INSERT INTO dotmac_moves (tenant_id, placement, schema_name, copied) \
           VALUES ('acme', 'schema', 'tenant_acme', {copied})",
        owner = estate.home.database.roles().owner,
    );
    run(&make, &estate.home.admin).await;
}

#[tokio::test]
async fn schema_that_an_interrupted_move_left_is_dropped_where_nothing_was_written_to_it() {
    let estate = Estate::open().await;
    estate.move_to("database:eu").await.unwrap();
    leftover(&estate, "'{}'").await;
    match estate.move_to("database:eu").await.unwrap_err() {
        Error::Tenancy(TenancyError::WouldBeLost { objects, .. }) => {
            assert_eq!(objects, "tenant_acme.jottings");
        }
        error => panic!("{error:?}"),
    }
    assert_eq!(estate.moves().await, ["acme schema"]);
    run("TRUNCATE tenant_acme.jottings", &estate.home.admin).await;
    estate.move_to("database:eu").await.unwrap();
    estate.assert_clean("empty").await;
    // Nobody has worked in a copy that was never used: its rows came with it.
    leftover(&estate, "NULL").await;
    estate.move_to("database:eu").await.unwrap();
    estate.assert_clean("unused").await;
    let schemas = "SELECT count(*)::text FROM pg_namespace WHERE nspname = 'tenant_acme'";
    assert_eq!(text(schemas, &estate.home.admin).await, "0");
}
