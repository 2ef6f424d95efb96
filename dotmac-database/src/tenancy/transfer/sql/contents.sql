-- What of the schema $1 has rows or numbers of its own; each as JSON. Rows of views are those of tables, and
-- sequences that feed a column go with it.
WITH rel AS (
  SELECT c.oid, relname, relkind, format('%I.%I', nspname, relname) AS place
  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
  WHERE nspname = $1::text AND relkind IN ('r', 'p', 'S')
)
SELECT json_build_object(
  'name', relname, 'place', place, 'role', current_user,
  'kind', CASE relkind WHEN 'S' THEN 'sequence' WHEN 'p' THEN 'partitioned' ELSE 'table' END,
  'is_part', EXISTS (SELECT FROM pg_inherits JOIN pg_class part ON part.oid = inhrelid
    JOIN rel parent ON parent.oid = inhparent WHERE inhrelid = rel.oid AND part.relispartition),
  'columns', coalesce((SELECT json_agg(attname ORDER BY attname) FROM pg_attribute
    WHERE attrelid = rel.oid AND attnum > 0 AND NOT attisdropped), '[]'),
  'is_hidden', relkind <> 'S' AND {is_hidden},
  'descends', coalesce((SELECT seqincrement < 0 FROM pg_sequence WHERE seqrelid = rel.oid), false),
  'last', CASE relkind WHEN 'S' THEN pg_sequence_last_value(rel.oid) END)::text AS relation
FROM rel
WHERE relkind <> 'S' OR NOT EXISTS (SELECT FROM pg_depend
    WHERE classid = 'pg_class'::regclass AND objid = rel.oid AND deptype IN ('a', 'i'))
  AND NOT EXISTS (SELECT FROM pg_depend
    WHERE classid = 'pg_attrdef'::regclass AND refclassid = 'pg_class'::regclass AND refobjid = rel.oid)
ORDER BY relname
