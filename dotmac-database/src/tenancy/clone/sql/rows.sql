-- The statements that copy the rows of the schema $1 to $2, and count them. $3: the tenant that the
-- rows of the copy belong to, or NULL; $4: a pattern of a default that reads the tenant of the context;
-- $5: whether all rows are copied, or only the record of migrations. Read with the original first in the
-- search path, run with the copy first in it: values of the original's types become values of the copy's.
-- Partitioned tables are copied as a whole, because a hash of an enumeration's value is another one in the
-- copy.
WITH rel AS MATERIALIZED (
  SELECT c.* FROM pg_class c JOIN pg_namespace n ON c.relnamespace = n.oid
  WHERE nspname = $1::text AND ($5::boolean OR relname = 'seaql_migrations')
)
SELECT format('INSERT INTO %I.%I %s OVERRIDING SYSTEM VALUE SELECT %s FROM %I.%I', $2::text, relname,
    '(' || list || ')', expressions, $1, relname) AS copy,
  format('SELECT %L AS name, (SELECT count(*)::text FROM %I.%I) AS wanted, '
    '(SELECT count(*)::text FROM %I.%I) AS found', relname, $1, relname, $2, relname) AS count
FROM rel LEFT JOIN LATERAL (
  SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS list, string_agg(CASE
      WHEN $3::text IS NOT NULL AND pg_get_expr(adbin, adrelid) ~ $4::text
        THEN format('%L::%s', $3, format_type(atttypid, atttypmod))
      WHEN typnamespace = relnamespace
        THEN format('%I::text::%s', attname, format_type(atttypid, atttypmod))
      ELSE quote_ident(attname) END, ', ' ORDER BY attnum) AS expressions
  FROM pg_attribute JOIN pg_type t ON t.oid = atttypid
  LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
  WHERE attrelid = rel.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
) columns ON true
WHERE relkind IN ('r', 'p') AND NOT relispartition
UNION ALL
SELECT format('SELECT setval(%L, last_value, is_called) FROM %I.%I', format('%I.%I', $2, relname), $1,
  relname), NULL
FROM rel WHERE relkind = 'S'
ORDER BY 1
