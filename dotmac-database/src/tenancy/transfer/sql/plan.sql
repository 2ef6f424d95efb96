-- How the rows of the tenant $4 get from the schema $1 to $2. $3: the tables whose rows belong to tenants,
-- as JSON, each with its tenant column.
WITH wanted AS (SELECT DISTINCT name, tenant FROM json_to_recordset($3::json) AS t (name text, tenant text)),
pair AS MATERIALIZED (
  SELECT name, tenant, f.oid AS source, t.oid AS target, concat(f.relkind, t.relkind) AS kinds
  FROM wanted JOIN pg_class f ON f.relname = name
    AND f.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1::text)
    AND f.relkind IN ('r', 'p', 'f')
  LEFT JOIN pg_class t ON t.relname = name AND t.relkind IN ('r', 'p', 'f')
    AND t.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $2::text)
),
col AS (
  SELECT attrelid, attname, typname, atttypmod, attgenerated, format_type(atttypid, atttypmod) AS type,
    typnamespace = (SELECT relnamespace FROM pg_class c WHERE c.oid = attrelid) AS own_type
  FROM pg_attribute JOIN pg_type t ON t.oid = atttypid
  WHERE attrelid IN (SELECT source FROM pair UNION ALL SELECT target FROM pair)
    AND attnum > 0 AND NOT attisdropped
),
hidden AS (
  SELECT c.oid FROM pg_class c WHERE row_security_active(c.oid)
    AND c.oid IN (SELECT source FROM pair UNION ALL SELECT target FROM pair) AND (
    NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid AND polpermissive AND polcmd = '*'
      AND pg_get_expr(polqual, polrelid) = 'true'
      AND EXISTS (SELECT FROM unnest(polroles) r WHERE r = 0 OR pg_has_role(r, 'USAGE')))
    OR EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid AND NOT polpermissive))
),
trigger AS (
  SELECT tgrelid, string_agg(format('ALTER TABLE %s DISABLE TRIGGER %I', place, tgname), ';') AS off,
    string_agg(format('ALTER TABLE %s ENABLE %sTRIGGER %I', place,
      CASE tgenabled WHEN 'A' THEN 'ALWAYS ' ELSE '' END, tgname), ';') AS "on"
  FROM pg_trigger, LATERAL (SELECT format('%I.%I', nspname, relname) FROM pg_class c
    JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = tgrelid) p (place)
  WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')
    AND tgrelid IN (SELECT source FROM pair UNION ALL SELECT target FROM pair)
  GROUP BY tgrelid
)
SELECT name,
  format('%I.%I', $1, name) AS source, format('%I.%I', $2::text, name) AS target,
  (SELECT format('%I = %L::%s', tenant, $4::text, type) FROM col
    WHERE attrelid = source AND attname = tenant) AS condition,
  (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attname) FROM col
    WHERE attrelid = source AND attgenerated = '') AS columns,
  (SELECT string_agg(CASE WHEN t.own_type THEN format('%I::text::%s', f.attname, t.type)
      ELSE quote_ident(f.attname) END, ', ' ORDER BY f.attname)
    FROM col f JOIN col t ON t.attrelid = target AND t.attname = f.attname
    WHERE f.attrelid = source AND f.attgenerated = '') AS expressions,
  (SELECT string_agg(format('%I::text', attname), ', ' ORDER BY attname) FROM col
    WHERE attrelid = source AND attgenerated = '') AS texts,
  (SELECT off FROM trigger WHERE tgrelid = source) AS source_off,
  (SELECT "on" FROM trigger WHERE tgrelid = source) AS source_on,
  (SELECT off FROM trigger WHERE tgrelid = target) AS target_off,
  (SELECT "on" FROM trigger WHERE tgrelid = target) AS target_on,
  (SELECT string_agg(format('SELECT setval(%L, greatest((SELECT max(%I) FROM %I.%I), (SELECT last_value '
      'FROM %s)))', sequence, attname, $2, name, sequence), ';')
    FROM col, pg_get_serial_sequence(format('%I.%I', $2, name), attname) sequence
    WHERE attrelid = target AND sequence IS NOT NULL) AS sequences,
  (SELECT json_agg(p.name)::text FROM pg_constraint JOIN pair p ON p.target = confrelid
    WHERE conrelid = pair.target AND contype = 'f' AND confrelid <> conrelid) AS needs,
  CASE WHEN target IS NULL THEN 'schema "' || $2 || '" has no such table'
    WHEN kinds <> 'rr' THEN 'only plain tables are moved'
    WHEN (SELECT array_agg(ROW(attname, typname, atttypmod, attgenerated) ORDER BY attname) FROM col
        WHERE attrelid = source)
      IS DISTINCT FROM (SELECT array_agg(ROW(attname, typname, atttypmod, attgenerated) ORDER BY attname)
        FROM col WHERE attrelid = target) THEN 'its columns are not the same in both schemas'
    WHEN source IN (SELECT oid FROM hidden) OR target IN (SELECT oid FROM hidden)
      THEN 'its policies may hide rows from role "' || current_user || '": connect as the migrator'
    ELSE (SELECT 'rows of ' || conrelid::regclass || ' would be changed by its foreign key'
      FROM pg_constraint WHERE confrelid = source AND contype = 'f' AND confdeltype IN ('c', 'n', 'd')
      AND conparentid = 0 AND conrelid NOT IN (SELECT source FROM pair) LIMIT 1)
  END AS problem
FROM pair ORDER BY name
