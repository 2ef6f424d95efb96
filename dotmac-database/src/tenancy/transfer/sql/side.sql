-- The tables of the schema $1 whose rows belong to tenants ($2: as JSON, each with its tenant column), and how
-- the rows of the tenant $3 are taken out of them and put into them; each as JSON.
WITH wanted AS (SELECT DISTINCT name, tenant FROM json_to_recordset($2::json) AS t (name text, tenant text)),
rel AS MATERIALIZED (
  SELECT c.oid, name, tenant, relkind, relnamespace, format('%I.%I', nspname, name) AS place
  FROM wanted JOIN pg_class c ON relname = name AND relkind IN ('r', 'p', 'f')
  JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = $1::text
),
col AS (
  SELECT rel.oid, attnum, attname, typname, atttypmod, attgenerated, attname = tenant AS is_tenants,
    format_type(atttypid, atttypmod) AS type, typnamespace = relnamespace AS own_type,
    atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) AS is_integer
  FROM rel JOIN pg_attribute ON attrelid = rel.oid AND attnum > 0 AND NOT attisdropped
  JOIN pg_type t ON t.oid = atttypid
),
-- Those of a partitioned table fire in its partitions.
part AS (
  SELECT oid, oid AS relid FROM rel WHERE relkind <> 'p'
  UNION ALL SELECT oid, relid FROM rel, pg_partition_tree(oid) WHERE relkind = 'p'
),
trigger AS (
  SELECT part.oid, json_agg(format('ALTER TABLE ONLY %s DISABLE TRIGGER %I', relid::regclass, tgname)) AS off,
    json_agg(format('ALTER TABLE ONLY %s ENABLE %sTRIGGER %I', relid::regclass,
      CASE tgenabled WHEN 'A' THEN 'ALWAYS ' ELSE '' END, tgname)) AS "on"
  FROM part JOIN pg_trigger ON tgrelid = relid AND NOT tgisinternal AND tgenabled IN ('O', 'A')
  GROUP BY part.oid
),
-- Of identity and serial columns, and of what a default takes the next value of.
feeding AS (
  SELECT refobjid AS oid, refobjsubid AS attnum, objid AS sequence FROM pg_depend
  WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND refobjsubid > 0
    AND deptype IN ('a', 'i') AND refobjid IN (SELECT oid FROM rel)
  UNION SELECT adrelid, adnum, refobjid FROM pg_attrdef
  JOIN pg_depend d ON classid = 'pg_attrdef'::regclass AND objid = pg_attrdef.oid
    AND refclassid = 'pg_class'::regclass
  WHERE adrelid IN (SELECT oid FROM rel)
),
sequence AS (
  SELECT col.oid, json_agg(json_build_object('name', sequence::regclass::text, 'column', attname,
    'is_integer', is_integer, 'descends', seqincrement < 0, 'last', pg_sequence_last_value(sequence)))
    AS list
  FROM feeding JOIN pg_sequence ON seqrelid = sequence JOIN col USING (oid, attnum) GROUP BY col.oid
)
SELECT json_build_object(
  'name', name, 'place', place, 'role', current_user, 'is_foreign', relkind = 'f',
  'condition', (SELECT format('%I = %L::%s', attname, $3::text, type) FROM col
    WHERE col.oid = rel.oid AND is_tenants),
  'columns', (SELECT json_agg(json_build_object('name', attname, 'type', type, 'own_type', own_type,
      'like', json_build_array(typname, atttypmod::text, attgenerated),
      'is_generated', attgenerated <> '') ORDER BY attname)
    FROM col WHERE col.oid = rel.oid),
  'off', coalesce((SELECT off FROM trigger WHERE trigger.oid = rel.oid), '[]'),
  'on', coalesce((SELECT "on" FROM trigger WHERE trigger.oid = rel.oid), '[]'),
  'sequences', coalesce((SELECT list FROM sequence WHERE sequence.oid = rel.oid), '[]'),
  'needs', coalesce((SELECT json_agg(other.name) FROM pg_constraint JOIN rel other ON other.oid = confrelid
    WHERE conrelid = rel.oid AND contype = 'f' AND confrelid <> conrelid), '[]'),
  'is_hidden', {is_hidden},
  'reaches', (SELECT conrelid::regclass::text FROM pg_constraint WHERE confrelid = rel.oid
    AND contype = 'f' AND confdeltype IN ('c', 'n', 'd') AND conparentid = 0
    AND conrelid NOT IN (SELECT oid FROM rel) LIMIT 1))::text AS "table"
FROM rel ORDER BY name
