-- The objects of the schema $1 that others are made of, with the statements that make them: types,
-- sequences, tables with their columns, views, functions. Read with the schema first in the search
-- path: definitions then name what is in it without the schema, and mean the copy where they run.
WITH s AS (SELECT oid FROM pg_namespace WHERE nspname = $1::text),
rel AS MATERIALIZED (SELECT c.* FROM pg_class c JOIN s ON c.relnamespace = s.oid),
col AS (
  SELECT attrelid, string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)) ||
    CASE WHEN attcollation <> typcollation THEN
      (SELECT format(' COLLATE %I.%I', nspname, collname) FROM pg_collation l
        JOIN pg_namespace n ON n.oid = collnamespace WHERE l.oid = attcollation)
      ELSE '' END ||
    CASE WHEN attgenerated <> '' THEN
      format(' GENERATED ALWAYS AS (%s) STORED', pg_get_expr(adbin, adrelid)) ELSE '' END ||
    CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END, ', ' ORDER BY attnum) AS list
  FROM pg_attribute a JOIN rel ON attrelid = rel.oid AND relkind IN ('r', 'p', 'c')
  JOIN pg_type t ON t.oid = atttypid
  LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
  WHERE attnum > 0 AND NOT attisdropped GROUP BY attrelid
),
option AS (
  SELECT oid, format(' WITH (%s)', string_agg(prefix || format('%I=%L', split_part(setting, '=', 1),
    substr(setting, strpos(setting, '=') + 1)), ', ')) AS list
  FROM (SELECT oid, '' AS prefix, unnest(reloptions) AS setting FROM rel
    UNION ALL SELECT rel.oid, 'toast.', unnest(t.reloptions)
      FROM rel JOIN pg_class t ON t.oid = rel.reltoastrelid) o GROUP BY oid
),
object (key, kind, name, sql) AS (
  SELECT 't' || t.oid, 'type', typname, format('CREATE TYPE %I AS ENUM (%s)', typname,
    (SELECT coalesce(string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder), '')
      FROM pg_enum WHERE enumtypid = t.oid))
  FROM pg_type t JOIN s ON typnamespace = s.oid WHERE typtype = 'e'
UNION ALL
  SELECT 't' || t.oid, 'type', typname, format('CREATE DOMAIN %I AS %s', typname,
      format_type(typbasetype, typtypmod)) ||
    coalesce((SELECT format(' COLLATE %I.%I', nspname, collname) FROM pg_collation l
      JOIN pg_namespace n ON n.oid = collnamespace
      WHERE l.oid = t.typcollation AND t.typcollation <> (SELECT b.typcollation FROM pg_type b
        WHERE b.oid = t.typbasetype)), '') ||
    coalesce(' DEFAULT ' || pg_get_expr(typdefaultbin, 0), '') ||
    CASE WHEN typnotnull THEN ' NOT NULL' ELSE '' END ||
    coalesce((SELECT string_agg(format('; ALTER DOMAIN %I ADD CONSTRAINT %I %s', typname, conname,
      pg_get_constraintdef(c.oid)), '' ORDER BY conname)
      FROM pg_constraint c WHERE contypid = t.oid AND contype = 'c'), '')
  FROM pg_type t JOIN s ON typnamespace = s.oid WHERE typtype = 'd'
UNION ALL
  SELECT 't' || reltype, 'type', relname, format('CREATE TYPE %I AS (%s)', relname, coalesce(list, ''))
  FROM rel LEFT JOIN col ON attrelid = oid WHERE relkind = 'c'
UNION ALL
  SELECT 'r' || oid, 'sequence', relname, format(
    'CREATE %sSEQUENCE %I AS %s INCREMENT BY %s MINVALUE %s MAXVALUE %s START WITH %s CACHE %s %sCYCLE',
    CASE relpersistence WHEN 'u' THEN 'UNLOGGED ' ELSE '' END, relname, format_type(seqtypid, NULL),
    seqincrement, seqmin, seqmax, seqstart, seqcache, CASE WHEN seqcycle THEN '' ELSE 'NO ' END)
  FROM rel JOIN pg_sequence ON seqrelid = oid
  WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
    AND d.objid = rel.oid AND d.deptype = 'i')
UNION ALL
  SELECT 'r' || rel.oid, 'table', relname, format('CREATE %sTABLE %I (%s)',
      CASE relpersistence WHEN 'u' THEN 'UNLOGGED ' ELSE '' END, relname, coalesce(col.list, '')) ||
    CASE relkind WHEN 'p' THEN ' PARTITION BY ' || pg_get_partkeydef(rel.oid) ELSE '' END ||
    coalesce(' USING ' || quote_ident(amname), '') || coalesce(option.list, '')
  FROM rel LEFT JOIN col ON attrelid = rel.oid LEFT JOIN option ON option.oid = rel.oid
  LEFT JOIN pg_am am ON am.oid = relam WHERE relkind IN ('r', 'p')
UNION ALL
  SELECT 'r' || rel.oid, 'view', relname, format('CREATE VIEW %I%s AS %s', relname,
    coalesce(option.list, ''), rtrim(pg_get_viewdef(rel.oid), ';'))
  FROM rel LEFT JOIN option ON option.oid = rel.oid WHERE relkind = 'v'
UNION ALL
  SELECT 'r' || rel.oid, 'view', relname, format('CREATE MATERIALIZED VIEW %I%s%s AS %s %s', relname,
    coalesce(' USING ' || quote_ident(amname), ''), coalesce(option.list, ''),
    rtrim(pg_get_viewdef(rel.oid), ';'), CASE WHEN relispopulated THEN '' ELSE 'WITH NO DATA' END)
  FROM rel LEFT JOIN option ON option.oid = rel.oid LEFT JOIN pg_am am ON am.oid = relam
  WHERE relkind = 'm'
UNION ALL
  -- The definition begins with the name, which alone always has the schema.
  SELECT 'f' || p.oid, 'function', proname, format('CREATE %s %I%s', word, proname,
    substr(pg_get_functiondef(p.oid), length(format('CREATE OR REPLACE %s %I.%I', word, $1, proname)) + 1))
  FROM pg_proc p JOIN s ON pronamespace = s.oid,
  LATERAL (SELECT CASE prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END) k (word)
  WHERE prokind IN ('f', 'p')
),
-- Under which names pg_depend knows them; a view that groups by a primary key hangs on the key.
known (class, oid, key) AS MATERIALIZED (
  SELECT 'pg_class'::regclass, oid, 'r' || oid FROM rel WHERE relkind IN ('r', 'p', 'v', 'm', 'S')
  UNION ALL SELECT 'pg_class'::regclass, oid, 't' || reltype FROM rel WHERE relkind = 'c'
  UNION ALL SELECT 'pg_type'::regclass, t.oid, CASE WHEN relkind IN ('r', 'p', 'v', 'm')
      THEN 'r' || rel.oid ELSE 't' || coalesce(e.oid, t.oid) END
    FROM pg_type t JOIN s ON t.typnamespace = s.oid
    LEFT JOIN pg_type e ON e.oid = t.typelem AND e.typarray = t.oid
    LEFT JOIN rel ON rel.oid = coalesce(e.typrelid, t.typrelid)
  UNION ALL SELECT 'pg_proc'::regclass, p.oid, 'f' || p.oid FROM pg_proc p JOIN s ON pronamespace = s.oid
  UNION ALL SELECT 'pg_rewrite'::regclass, r.oid, 'r' || ev_class FROM pg_rewrite r JOIN rel
    ON ev_class = rel.oid
  UNION ALL SELECT 'pg_attrdef'::regclass, d.oid, 'r' || adrelid FROM pg_attrdef d
    JOIN rel ON adrelid = rel.oid
    JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum AND attgenerated <> ''
  UNION ALL SELECT 'pg_constraint'::regclass, c.oid, CASE WHEN contypid <> 0 THEN 't' || contypid
      ELSE 'key' END
    FROM pg_constraint c JOIN s ON connamespace = s.oid WHERE contypid <> 0 OR contype IN ('p', 'u', 'x')
),
need (key, needs) AS (
  SELECT DISTINCT known.key, target.key FROM known,
  LATERAL (SELECT refclassid, refobjid FROM pg_depend d
    WHERE d.classid = known.class AND d.objid = known.oid AND known.key <> 'key' OFFSET 0) d
  JOIN known target ON target.class = d.refclassid AND target.oid = d.refobjid
  WHERE target.key <> known.key
)
SELECT key, kind, name::text, sql,
  (SELECT string_agg(needs, ' ') FROM need WHERE need.key = object.key) AS needs
FROM object
ORDER BY array_position('{type, function, sequence, table, view}'::text[], kind), name, sql
