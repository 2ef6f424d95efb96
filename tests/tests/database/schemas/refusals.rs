//! What cannot be copied is named, and nothing is left out.

use dotmac_database::tenancy::{CloneData, clone_schema};
use sea_orm::TransactionTrait;

use super::site::{Site, TEMPLATE, not_clonable, run, schema};

/// Adds `sql` to the template, and expects the refusal of an object.
async fn refused(sql: &str, object: &str, why: &str) {
    let site = Site::open().await;
    let tx = site.admin.begin().await.unwrap();
    run("SET LOCAL search_path = template", &tx).await;
    run(sql, &tx).await;
    let clone = clone_schema(&schema(TEMPLATE), &schema("tenant_a"), CloneData::All, &tx).await;
    let (named, reason) = not_clonable(clone);
    assert_eq!(named, object);
    assert!(reason.contains(why), "{reason}");
}

/// A test for each kind.
macro_rules! refusals {
    ($($name:ident: $sql:expr => $object:expr, $why:expr;)*) => {$(
        #[tokio::test]
        async fn $name() {
            refused($sql, $object, $why).await;
        }
    )*};
}

refusals! {
    operator_is_refused:
        "CREATE OPERATOR ==== (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)"
        => "operator template.====(text,text)", "of this kind";
    operator_class_is_refused:
        "CREATE OPERATOR FAMILY f USING btree" => "operator family template.f for access method btree", "of this kind";
    collation_is_refused: "CREATE COLLATION c FROM \"C\"" => "collation template.c", "of this kind";
    conversion_is_refused:
        "CREATE CONVERSION c FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8"
        => "conversion template.c", "of this kind";
    text_search_configuration_is_refused:
        "CREATE TEXT SEARCH CONFIGURATION c (COPY = simple)"
        => "text search configuration template.c", "of this kind";
    aggregate_is_refused:
        "CREATE AGGREGATE total(integer) (SFUNC = int4pl, STYPE = integer)"
        => "function template.total(integer)", "aggregates";
    range_type_is_refused:
        "CREATE TYPE spread AS RANGE (SUBTYPE = integer)" => "type template.spread", "only enumerations";
    foreign_table_is_refused:
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER w FOREIGN DATA WRAPPER w; \
         CREATE FOREIGN TABLE afar (a integer) SERVER w"
        => "foreign table template.afar", "foreign tables";
    extension_is_refused:
        "CREATE EXTENSION pgcrypto SCHEMA template" => "extension pgcrypto", "of this kind";
    table_of_a_type_is_refused:
        "CREATE TABLE typed OF \"Weird \"\"type\"\"\"" => "table template.typed", "composite type";
    inheritance_is_refused:
        "CREATE TABLE heir () INHERITS (scratch)" => "table template.heir", "inherits";
    partition_elsewhere_is_refused:
        "ALTER TABLE events_old SET SCHEMA public" => "table public.events_old", "several schemas";
    rule_is_refused:
        "CREATE RULE quiet AS ON DELETE TO scratch DO INSTEAD NOTHING"
        => "rule quiet on table template.scratch", "rules";
    invalid_index_is_refused:
        "CREATE INDEX half ON ONLY events (feeling)" => "index template.half", "not valid";
    disabled_foreign_key_is_refused:
        "ALTER TABLE accounts DISABLE TRIGGER ALL" => "table template.accounts", "foreign keys are disabled";
    publication_is_refused:
        "CREATE PUBLICATION p FOR TABLE line" => "publication of table template.line in publication p", "of this kind";
    publication_of_the_schema_is_refused:
        "CREATE PUBLICATION p FOR TABLES IN SCHEMA template"
        => "publication of schema template in publication p", "of this kind";
    cast_is_refused:
        "CREATE FUNCTION moody(mood) RETURNS integer LANGUAGE sql AS 'SELECT 1'; \
         CREATE CAST (mood AS integer) WITH FUNCTION moody(mood)"
        => "cast from template.mood to integer", "hangs on";
    event_trigger_is_refused:
        "CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; \
         CREATE EVENT TRIGGER watch ON ddl_command_start WHEN TAG IN ('CREATE CAST') EXECUTE FUNCTION watch()"
        => "event trigger watch", "hangs on function template.watch()";
    grant_of_another_role_is_refused:
        "SET LOCAL ROLE shop_system; GRANT SELECT (\"text\") ON line TO shop_app; RESET ROLE"
        => "table template.line", "not its owner";
    function_that_names_the_schema_is_refused:
        "CREATE FUNCTION rows_of() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM Template.line'"
        => "function rows_of()", "names the schema";
    function_whose_path_names_the_schema_is_refused:
        "ALTER FUNCTION pass() SET search_path = template" => "function pass()", "names the schema";
    default_that_names_the_schema_is_refused:
        "ALTER TABLE line ALTER \"text\" SET DEFAULT to_regclass('template.line')::text"
        => "default value for column text of table line", "names the schema";
    policy_that_names_the_schema_is_refused:
        "CREATE POLICY p ON line USING (to_regclass('\"template\".line') IS NOT NULL)"
        => "policy p on table line", "names the schema";
    function_with_a_name_of_postgres_is_refused:
        "CREATE FUNCTION format(text, name) RETURNS text LANGUAGE sql AS 'SELECT 1::text'"
        => "function template.format(text,name)", "PostgreSQL's own";
    table_with_a_name_of_postgres_is_refused:
        "CREATE TABLE pg_class (oid oid)" => "table template.pg_class", "PostgreSQL's own";
}
