-- Every kind of object that a copy of a schema has, with names that would break careless SQL. Run with
-- the schema `template` first in the search path, as the migrator `shop_migrator`.

CREATE TYPE mood AS ENUM ('sad', 'it''s ok', 'E\n"$$"');
CREATE TYPE "Weird ""type""" AS (amount numeric(10, 2), label text COLLATE "C", feeling mood);
CREATE FUNCTION is_even(n integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT n % 2 = 0';
CREATE DOMAIN even AS integer DEFAULT 2 NOT NULL CONSTRAINT "ck even" CHECK (is_even(VALUE));
CREATE DOMAIN label AS varchar(40) COLLATE "C";
CREATE SEQUENCE ticket AS integer INCREMENT BY 5 MINVALUE -10 MAXVALUE 100000 START WITH 7 CACHE 3 CYCLE;

CREATE TABLE accounts (
  id bigint GENERATED ALWAYS AS IDENTITY (START WITH 100 INCREMENT BY 10) PRIMARY KEY,
  serial_no serial,
  tenant_id varchar(255) NOT NULL DEFAULT nullif(current_setting('app.current_tenant_id', true), ''),
  number integer NOT NULL DEFAULT nextval('ticket'),
  name text COLLATE "C" NOT NULL,
  feeling mood NOT NULL DEFAULT 'sad',
  doubled integer GENERATED ALWAYS AS (number * 2) STORED,
  even even,
  parts "Weird ""type""",
  tags mood[],
  dropped text,
  valid_during tstzrange NOT NULL DEFAULT tstzrange(now(), NULL),
  UNIQUE (tenant_id, id),
  CONSTRAINT "uq Näme" UNIQUE (name) INCLUDE (number) WITH (fillfactor = 70) DEFERRABLE INITIALLY DEFERRED,
  CONSTRAINT ck_number CHECK (number > -1000),
  CONSTRAINT ex_during EXCLUDE USING gist (valid_during WITH &&) WHERE (number < -500)
) WITH (fillfactor = 80, autovacuum_enabled = false, toast.autovacuum_enabled = false);
ALTER TABLE accounts DROP COLUMN dropped;
ALTER TABLE accounts ADD CONSTRAINT ck_later CHECK (length(name) > 1) NOT VALID;
ALTER TABLE accounts ALTER COLUMN name SET STORAGE EXTERNAL, ALTER COLUMN name SET STATISTICS 500;
ALTER TABLE accounts ALTER COLUMN number SET (n_distinct = -0.5);

CREATE TABLE "Select; -- ""$$""" (
  "Ünïcode ""col""" uuid DEFAULT gen_random_uuid() PRIMARY KEY,
  "order" bigint NOT NULL,
  parent uuid,
  note text COMPRESSION pglz,
  product_id uuid REFERENCES public.products (id),
  CONSTRAINT "fk $$ 'x'" FOREIGN KEY ("order") REFERENCES accounts (id) ON DELETE CASCADE
    DEFERRABLE INITIALLY DEFERRED
);
ALTER TABLE "Select; -- ""$$""" ADD CONSTRAINT fk_self FOREIGN KEY (parent)
  REFERENCES "Select; -- ""$$""" ("Ünïcode ""col""") NOT VALID;
CREATE UNLOGGED TABLE scratch (a integer NOT NULL, b text);
CREATE UNIQUE INDEX uq_scratch ON scratch (a);
ALTER TABLE scratch REPLICA IDENTITY USING INDEX uq_scratch;
CREATE TABLE nothing ();
CREATE TABLE seaql_migrations (version varchar PRIMARY KEY, applied_at bigint NOT NULL);
INSERT INTO seaql_migrations VALUES ('m1', 1), ('m2', 2);
-- A table with the name of a type, and one that takes another's row.
CREATE TABLE line (id serial PRIMARY KEY, "text" text, account accounts);

CREATE TABLE events (at timestamptz NOT NULL, kind text NOT NULL, feeling mood NOT NULL,
  CHECK (kind <> ''), PRIMARY KEY (at, kind, feeling)) PARTITION BY RANGE (at);
CREATE TABLE events_old (feeling mood NOT NULL, at timestamptz NOT NULL,
  kind text NOT NULL CONSTRAINT events_kind_check CHECK (kind <> ''));
ALTER TABLE events ATTACH PARTITION events_old FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
CREATE TABLE events_new PARTITION OF events FOR VALUES FROM ('2020-01-01') TO (MAXVALUE)
  PARTITION BY HASH (feeling);
CREATE TABLE "events new 0" PARTITION OF events_new FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE "events new 1" PARTITION OF events_new FOR VALUES WITH (MODULUS 2, REMAINDER 1);
ALTER TABLE events ADD account bigint REFERENCES accounts (id);
CREATE TABLE event_notes (at timestamptz, kind text, feeling mood, note text,
  FOREIGN KEY (at, kind, feeling) REFERENCES events);
CREATE INDEX idx_events_kind ON events (lower(kind));
CREATE INDEX only_old ON events_old (feeling) WHERE kind LIKE 'x%';
ALTER INDEX events_old_lower_idx RENAME TO "old ""lower""";

CREATE INDEX idx_partial ON accounts (lower(name) text_pattern_ops DESC NULLS LAST, number)
  INCLUDE (feeling) WITH (fillfactor = 60) WHERE feeling <> 'sad' AND is_even(number);
CREATE INDEX idx_tags ON accounts USING gin (tags);
ALTER INDEX idx_partial ALTER COLUMN 1 SET STATISTICS 321;
ALTER TABLE accounts CLUSTER ON accounts_pkey;
CREATE UNIQUE INDEX uq_nulls ON accounts (serial_no) NULLS NOT DISTINCT;
CREATE STATISTICS stat_accounts (dependencies, ndistinct) ON number, feeling FROM accounts;
ALTER STATISTICS stat_accounts SET STATISTICS 77;

CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN NEW.note := coalesce(NEW.note, '') || ' stamped by ' || TG_TABLE_SCHEMA; END IF;
  RETURN NEW; -- '$function$'
END $body$;
CREATE FUNCTION account_of(wanted bigint, VARIADIC moods mood[] DEFAULT '{sad}') RETURNS SETOF accounts
  LANGUAGE sql STABLE SECURITY DEFINER ROWS 7 COST 5 BEGIN ATOMIC
    SELECT * FROM accounts WHERE id = wanted AND feeling = ANY (moods);
  END;
CREATE FUNCTION account_of(wanted text) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
  AS 'SELECT id FROM accounts WHERE name = wanted';
CREATE PROCEDURE tidy_up(INOUT n integer) LANGUAGE plpgsql AS 'BEGIN DELETE FROM scratch; END';

CREATE TRIGGER stamp BEFORE INSERT OR UPDATE OF note ON "Select; -- ""$$""" FOR EACH ROW
  WHEN (NEW."order" > 0) EXECUTE FUNCTION stamp('a''b');
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON accounts DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  EXECUTE FUNCTION stamp();
ALTER TABLE accounts DISABLE TRIGGER later;
CREATE TRIGGER always AFTER UPDATE ON scratch REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT
  EXECUTE FUNCTION stamp();
ALTER TABLE scratch ENABLE ALWAYS TRIGGER always;
CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER each_event BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION pass();
ALTER TABLE "events new 1" DISABLE TRIGGER each_event;

CREATE VIEW sums WITH (security_invoker = true, security_barrier = true) AS
  SELECT a.id, a.name, count(*) AS "How many" FROM accounts a
  LEFT JOIN "Select; -- ""$$""" s ON s."order" = a.id GROUP BY a.id;
CREATE VIEW a_first_by_name AS SELECT name FROM sums WHERE "How many" > 0 WITH LOCAL CHECK OPTION;
ALTER VIEW a_first_by_name ALTER COLUMN name SET DEFAULT 'none';
CREATE TRIGGER instead INSTEAD OF INSERT ON sums FOR EACH ROW EXECUTE FUNCTION pass();
CREATE MATERIALIZED VIEW totals WITH (fillfactor = 50) AS SELECT name, sum(number) AS total
  FROM accounts GROUP BY name;
ALTER MATERIALIZED VIEW totals ALTER COLUMN name SET STATISTICS 55;
CREATE UNIQUE INDEX uq_totals ON totals (name);
CREATE MATERIALIZED VIEW unfilled AS SELECT 1 AS one WITH NO DATA;
CREATE FUNCTION of_view(v sums) RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT v.name; END;

GRANT SELECT, INSERT, UPDATE, DELETE ON accounts, "Select; -- ""$$""" TO shop_app;
GRANT SELECT ("text"), UPDATE ("text") ON line TO shop_system WITH GRANT OPTION;
GRANT USAGE ON SEQUENCE ticket, accounts_serial_no_seq TO shop_app;
GRANT SELECT ON sums TO shop_app;
GRANT USAGE ON TYPE "Weird ""type""" TO shop_app;
REVOKE USAGE ON TYPE mood FROM PUBLIC;
GRANT USAGE ON TYPE mood TO shop_app;
REVOKE EXECUTE ON FUNCTION account_of(bigint, mood[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION account_of(bigint, mood[]) TO shop_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA template GRANT SELECT ON TABLES TO shop_system;

CREATE POLICY "tenant's ""own""" ON accounts TO shop_app
  USING (tenant_id = (SELECT nullif(current_setting('app.current_tenant_id', true), '')))
  WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.current_tenant_id', true), '')));
CREATE POLICY migrator ON accounts TO shop_migrator USING (true) WITH CHECK (true);
CREATE POLICY narrow ON accounts AS RESTRICTIVE FOR UPDATE TO PUBLIC
  USING (EXISTS (SELECT 1 FROM accounts b WHERE b.id = accounts.id));
ALTER TABLE accounts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE scratch ENABLE ROW LEVEL SECURITY;

COMMENT ON SCHEMA template IS 'a template''s "comment" $$';
COMMENT ON TABLE "Select; -- ""$$""" IS E'quotes '' " \\ $$ \n and ü';
COMMENT ON COLUMN accounts.name IS 'a column';
COMMENT ON COLUMN "Weird ""type""".label IS 'a field';
COMMENT ON TYPE mood IS 'an enumeration';
COMMENT ON TYPE "Weird ""type""" IS 'a composite type';
COMMENT ON DOMAIN even IS 'a domain';
COMMENT ON CONSTRAINT "ck even" ON DOMAIN even IS 'a check of a domain';
COMMENT ON CONSTRAINT "fk $$ 'x'" ON "Select; -- ""$$""" IS 'a foreign key';
COMMENT ON INDEX idx_partial IS 'an index';
COMMENT ON SEQUENCE ticket IS 'a sequence';
COMMENT ON VIEW sums IS 'a view';
COMMENT ON MATERIALIZED VIEW totals IS 'a materialized view';
COMMENT ON FUNCTION account_of(text) IS 'a function';
COMMENT ON PROCEDURE tidy_up(integer) IS 'a procedure';
COMMENT ON TRIGGER stamp ON "Select; -- ""$$""" IS 'a trigger';
COMMENT ON POLICY narrow ON accounts IS 'a policy';
COMMENT ON STATISTICS stat_accounts IS 'statistics';

ALTER TABLE accounts OWNER TO shop_owner;
ALTER TABLE line OWNER TO shop_owner;
ALTER TYPE mood OWNER TO shop_owner;
ALTER FUNCTION account_of(text) OWNER TO shop_owner;
ALTER SEQUENCE ticket OWNER TO shop_owner;
ALTER VIEW a_first_by_name OWNER TO shop_owner;

INSERT INTO accounts (tenant_id, name, parts) OVERRIDING USER VALUE
  SELECT 'template', 'account ' || n, ROW(n, 'x', 'sad')::"Weird ""type""" FROM generate_series(1, 20) n;
INSERT INTO "Select; -- ""$$""" ("order", note) SELECT id, name FROM accounts;
INSERT INTO events SELECT '2019-12-31'::timestamptz + n * interval '1 hour', 'k',
  (enum_range(NULL::mood))[1 + n % 3] FROM generate_series(1, 48) n;
INSERT INTO event_notes SELECT at, kind, feeling, 'n' FROM events LIMIT 3;
INSERT INTO line ("text") VALUES ('a'), (NULL);
REFRESH MATERIALIZED VIEW totals;
