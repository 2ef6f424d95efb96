-- What the objects of the schema $1 have, with the statements that add it, in the order of the steps
-- (see `step.rs`). Read with the schema first in the search path, as objects.sql.
WITH s AS (SELECT oid FROM pg_namespace WHERE nspname = $1::text),
rel AS MATERIALIZED (SELECT c.* FROM pg_class c JOIN s ON c.relnamespace = s.oid),
con AS MATERIALIZED (SELECT c.*, relname, relkind FROM pg_constraint c JOIN rel ON rel.oid = conrelid),
col AS MATERIALIZED (
  SELECT a.*, relname, relkind, relispartition FROM pg_attribute a JOIN rel ON rel.oid = attrelid
  WHERE attnum > 0 AND NOT attisdropped
),
trigger AS MATERIALIZED (
  SELECT t.*, relname, relkind FROM pg_trigger t JOIN rel ON rel.oid = tgrelid WHERE NOT tgisinternal
)
SELECT step, sql FROM (
  SELECT 'attach', relname, format('ALTER TABLE ONLY %I ATTACH PARTITION %I %s',
    (SELECT relname FROM pg_class p WHERE p.oid = inhparent), relname, pg_get_expr(relpartbound, rel.oid))
  FROM rel JOIN pg_inherits ON inhrelid = rel.oid WHERE relispartition AND relkind IN ('r', 'p')
UNION ALL
  SELECT 'identity', col.relname, format('ALTER TABLE ONLY %I ALTER COLUMN %I ADD GENERATED %s AS IDENTITY '
    '(SEQUENCE NAME %I INCREMENT BY %s MINVALUE %s MAXVALUE %s START WITH %s CACHE %s %sCYCLE)',
    col.relname, attname, CASE attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END, q.relname,
    seqincrement, seqmin, seqmax, seqstart, seqcache, CASE WHEN seqcycle THEN '' ELSE 'NO ' END)
  FROM col JOIN pg_depend d ON refclassid = 'pg_class'::regclass AND refobjid = attrelid
    AND refobjsubid = attnum AND classid = 'pg_class'::regclass AND deptype = 'i'
  JOIN rel q ON q.oid = d.objid AND q.relkind = 'S' JOIN pg_sequence ON seqrelid = q.oid
  WHERE attidentity <> '' AND NOT col.relispartition
UNION ALL
  SELECT 'owned sequence', q.relname, format('ALTER SEQUENCE %I OWNED BY %I.%I', q.relname, col.relname,
    attname)
  FROM rel q JOIN pg_depend d ON classid = 'pg_class'::regclass AND objid = q.oid AND deptype = 'a'
    AND refclassid = 'pg_class'::regclass
  JOIN col ON attrelid = refobjid AND attnum = refobjsubid WHERE q.relkind = 'S'
UNION ALL
  SELECT CASE relkind WHEN 'm' THEN 'view column' ELSE 'column' END, relname,
    format('ALTER TABLE ONLY %I ALTER COLUMN %I %s', relname, attname, change)
  FROM col JOIN pg_type t ON t.oid = atttypid, LATERAL (
    SELECT 'SET STORAGE ' || CASE attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL'
      WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END WHERE attstorage <> typstorage
    UNION ALL SELECT 'SET COMPRESSION ' || CASE attcompression WHEN 'l' THEN 'lz4' ELSE 'pglz' END
      WHERE attcompression <> ''
    UNION ALL SELECT 'SET STATISTICS ' || attstattarget WHERE attstattarget >= 0
    UNION ALL SELECT format('SET (%s)', (SELECT string_agg(format('%I=%L', split_part(o, '=', 1),
      split_part(o, '=', 2)), ', ') FROM unnest(attoptions) o)) WHERE attoptions IS NOT NULL
  ) c (change) WHERE relkind IN ('r', 'p', 'm')
UNION ALL
  SELECT 'key', relname || conname, format('ALTER TABLE ONLY %I ADD CONSTRAINT %I %s', relname, conname,
    pg_get_constraintdef(oid))
  FROM con WHERE contype IN ('p', 'u', 'x')
UNION ALL
  SELECT 'key option', relname || conname, format('ALTER INDEX %I SET (%s)', conname,
    (SELECT string_agg(format('%I=%L', split_part(o, '=', 1), split_part(o, '=', 2)), ', ')
      FROM unnest((SELECT reloptions FROM pg_class i WHERE i.oid = conindid)) o))
  FROM con WHERE contype IN ('p', 'u', 'x')
    AND (SELECT reloptions FROM pg_class i WHERE i.oid = conindid) IS NOT NULL
UNION ALL
  SELECT 'default', relname, format('ALTER TABLE ONLY %I ALTER COLUMN %I SET DEFAULT %s', relname, attname,
    pg_get_expr(adbin, adrelid))
  FROM col JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
  WHERE attgenerated = '' AND relkind IN ('r', 'p', 'v')
UNION ALL
  -- A partition has those of its parent by attaching to it.
  SELECT 'check', relname || conname, format('ALTER TABLE %I ADD CONSTRAINT %I %s', relname, conname,
    pg_get_constraintdef(oid))
  FROM con WHERE contype = 'c' AND coninhcount = 0
UNION ALL
  SELECT 'index', i.relname, pg_get_indexdef(i.oid, 0, true)
  FROM pg_index JOIN rel ON rel.oid = indrelid JOIN rel i ON i.oid = indexrelid
  WHERE NOT EXISTS (SELECT FROM con WHERE conindid = i.oid AND contype IN ('p', 'u', 'x'))
UNION ALL
  SELECT 'index column', i.relname, format('ALTER INDEX %I ALTER COLUMN %s SET STATISTICS %s', i.relname,
    attnum, attstattarget)
  FROM rel i JOIN pg_attribute ON attrelid = i.oid AND attstattarget >= 0 WHERE i.relkind IN ('i', 'I')
UNION ALL
  SELECT 'index partition', i.relname, format('ALTER INDEX %I ATTACH PARTITION %I', p.relname, i.relname)
  FROM rel i JOIN pg_inherits ON inhrelid = i.oid JOIN rel p ON p.oid = inhparent
  WHERE i.relkind IN ('i', 'I')
UNION ALL
  SELECT 'foreign key', relname || conname, format('ALTER TABLE %I ADD CONSTRAINT %I %s', relname, conname,
    pg_get_constraintdef(oid))
  FROM con WHERE contype = 'f' AND conparentid = 0
UNION ALL
  -- The definition begins with the name, which always has the schema.
  SELECT 'statistics', stxname, format('CREATE STATISTICS %I%s', stxname, substr(
    pg_get_statisticsobjdef(x.oid), length(format('CREATE STATISTICS %I.%I', $1::text, stxname)) + 1)) ||
    CASE WHEN stxstattarget >= 0
      THEN format('; ALTER STATISTICS %I SET STATISTICS %s', stxname, stxstattarget) ELSE '' END
  FROM pg_statistic_ext x JOIN s ON stxnamespace = s.oid
UNION ALL
  SELECT 'trigger', relname || tgname, pg_get_triggerdef(oid, true) FROM trigger WHERE tgparentid = 0
UNION ALL
  -- A change on a partitioned table reaches its partitions, whose own state follows.
  SELECT 'trigger state', CASE relkind WHEN 'p' THEN '0' ELSE '1' END || relname || tgname,
    format('ALTER TABLE ONLY %I %s TRIGGER %I', relname, CASE tgenabled WHEN 'D' THEN 'DISABLE'
      WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END, tgname)
  FROM trigger WHERE tgenabled <> 'O' OR tgparentid <> 0
UNION ALL
  SELECT 'policy', relname || polname, format('CREATE POLICY %I ON %I AS %s FOR %s TO %s', polname, relname,
    CASE WHEN polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
    CASE polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
      ELSE 'ALL' END,
    (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END, ', ')
      FROM unnest(polroles) r)) ||
    coalesce(' USING (' || pg_get_expr(polqual, polrelid) || ')', '') ||
    coalesce(' WITH CHECK (' || pg_get_expr(polwithcheck, polrelid) || ')', '')
  FROM pg_policy JOIN rel ON rel.oid = polrelid
UNION ALL
  SELECT 'row security', relname, format('ALTER TABLE ONLY %I %s', relname, concat_ws(', ',
    CASE WHEN relrowsecurity THEN 'ENABLE ROW LEVEL SECURITY' END,
    CASE WHEN relforcerowsecurity THEN 'FORCE ROW LEVEL SECURITY' END))
  FROM rel WHERE relrowsecurity OR relforcerowsecurity
UNION ALL
  SELECT 'replica identity', relname, format('ALTER TABLE ONLY %I REPLICA IDENTITY %s', relname,
    CASE relreplident WHEN 'n' THEN 'NOTHING' WHEN 'f' THEN 'FULL' ELSE 'USING INDEX ' ||
      quote_ident((SELECT i.relname FROM pg_index JOIN rel i ON i.oid = indexrelid
        WHERE indrelid = rel.oid AND indisreplident)) END)
  FROM rel WHERE relkind IN ('r', 'p') AND relreplident <> 'd'
UNION ALL
  SELECT 'cluster', rel.relname, format('ALTER TABLE ONLY %I CLUSTER ON %I', rel.relname, i.relname)
  FROM pg_index JOIN rel ON rel.oid = indrelid JOIN rel i ON i.oid = indexrelid WHERE indisclustered
UNION ALL
  SELECT 'comment', place, format('COMMENT ON %s IS %L', place, description) FROM (
    SELECT format('%s %I', CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
      WHEN 'S' THEN 'SEQUENCE' WHEN 'c' THEN 'TYPE' WHEN 'i' THEN 'INDEX' WHEN 'I' THEN 'INDEX'
      ELSE 'TABLE' END, relname), 'pg_class'::regclass,
      -- A composite type has its own in pg_type.
      CASE relkind WHEN 'c' THEN NULL ELSE oid END, 0 FROM rel
    UNION ALL SELECT format('COLUMN %I.%I', relname, attname), 'pg_class'::regclass, attrelid, attnum FROM col
    UNION ALL SELECT format('CONSTRAINT %I ON %I', conname, relname), 'pg_constraint'::regclass, oid, 0
      FROM con
    UNION ALL SELECT format('CONSTRAINT %I ON DOMAIN %I', conname, typname), 'pg_constraint'::regclass, c.oid, 0
      FROM pg_constraint c JOIN s ON connamespace = s.oid JOIN pg_type t ON t.oid = contypid
    UNION ALL SELECT format('TRIGGER %I ON %I', tgname, relname), 'pg_trigger'::regclass, oid, 0 FROM trigger
    UNION ALL SELECT format('POLICY %I ON %I', polname, relname), 'pg_policy'::regclass, p.oid, 0
      FROM pg_policy p JOIN rel ON rel.oid = polrelid
    UNION ALL SELECT format('ROUTINE %s', oid::regprocedure), 'pg_proc'::regclass, oid, 0
      FROM pg_proc WHERE pronamespace IN (SELECT oid FROM s)
    UNION ALL SELECT format('TYPE %I', typname), 'pg_type'::regclass, oid, 0
      FROM pg_type WHERE typnamespace IN (SELECT oid FROM s)
    UNION ALL SELECT format('STATISTICS %I', stxname), 'pg_statistic_ext'::regclass, oid, 0
      FROM pg_statistic_ext WHERE stxnamespace IN (SELECT oid FROM s)
  ) target (place, class, id, sub) JOIN pg_description d ON d.classoid = class AND d.objoid = id
    AND d.objsubid = sub
UNION ALL
  -- A sequence that a column owns follows its table.
  SELECT 'owner', relname, format('ALTER TABLE %I OWNER TO %I', relname, pg_get_userbyid(relowner))
  FROM rel WHERE relkind IN ('r', 'p', 'v', 'm', 'S') AND pg_get_userbyid(relowner) <> current_user
    AND NOT (relkind = 'S' AND EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
      AND d.objid = rel.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')))
UNION ALL
  SELECT 'owner', typname, format('ALTER TYPE %I OWNER TO %I', typname, pg_get_userbyid(typowner))
  FROM pg_type t JOIN s ON typnamespace = s.oid LEFT JOIN rel ON rel.oid = typrelid
  WHERE pg_get_userbyid(typowner) <> current_user AND (typtype IN ('e', 'd') OR relkind = 'c')
UNION ALL
  SELECT 'owner', proname, format('ALTER ROUTINE %s OWNER TO %I', p.oid::regprocedure,
    pg_get_userbyid(proowner))
  FROM pg_proc p JOIN s ON pronamespace = s.oid WHERE pg_get_userbyid(proowner) <> current_user
UNION ALL
  SELECT 'owner', stxname, format('ALTER STATISTICS %I OWNER TO %I', stxname, pg_get_userbyid(stxowner))
  FROM pg_statistic_ext JOIN s ON stxnamespace = s.oid WHERE pg_get_userbyid(stxowner) <> current_user
) part (step, name, sql) ORDER BY step, name, sql
