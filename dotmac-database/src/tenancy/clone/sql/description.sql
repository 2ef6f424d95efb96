-- All that the schema $1 is made of, one property of one object a row, in PostgreSQL's own words. Read
-- with the schema first in the search path, so that two equal schemas read the same.
WITH s AS (SELECT * FROM pg_namespace WHERE nspname = $1::text),
rel AS MATERIALIZED (SELECT c.* FROM pg_class c JOIN s ON c.relnamespace = s.oid),
proc AS MATERIALIZED (SELECT p.* FROM pg_proc p JOIN s ON p.pronamespace = s.oid),
type AS MATERIALIZED (
  SELECT t.* FROM pg_type t JOIN s ON t.typnamespace = s.oid LEFT JOIN rel ON rel.oid = t.typrelid
  WHERE t.typtype <> 'b' AND (rel.oid IS NULL OR relkind = 'c')
),
-- What an object says of itself.
fact (object, property, value) AS (
  SELECT 'schema', f.* FROM s, LATERAL (VALUES
    ('owner', pg_get_userbyid(nspowner)::text), ('comment', obj_description(oid, 'pg_namespace'))) f
UNION ALL
  SELECT format('%s %I', CASE relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
    WHEN 'S' THEN 'sequence' WHEN 'c' THEN 'type' WHEN 'f' THEN 'foreign table' ELSE 'table' END, relname), f.*
  FROM rel, LATERAL (VALUES
    ('owner', pg_get_userbyid(relowner)::text),
    ('comment', obj_description(oid, 'pg_class')),
    ('persistence', relpersistence::text),
    ('access method', (SELECT amname::text FROM pg_am WHERE pg_am.oid = relam)),
    ('tablespace', (SELECT spcname::text FROM pg_tablespace t WHERE t.oid = reltablespace)),
    ('options', (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(reloptions) o)),
    ('toast options', (SELECT t.reloptions::text FROM pg_class t WHERE t.oid = reltoastrelid)),
    ('row-level security', CASE WHEN relrowsecurity THEN 'enabled' END),
    ('forced row-level security', CASE WHEN relforcerowsecurity THEN 'yes' END),
    ('replica identity', CASE WHEN relkind IN ('r', 'p') THEN relreplident::text END),
    ('partition key', CASE relkind WHEN 'p' THEN pg_get_partkeydef(oid) END),
    ('partition', pg_get_expr(relpartbound, oid)),
    ('parents', (SELECT string_agg(inhparent::regclass::text, ', ' ORDER BY inhseqno)
      FROM pg_inherits WHERE inhrelid = oid)),
    ('definition', CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(oid) END),
    ('populated', CASE relkind WHEN 'm' THEN relispopulated::text END)) f
  WHERE relkind NOT IN ('i', 'I')
UNION ALL
  SELECT format('sequence %I', relname), f.*
  FROM rel JOIN pg_sequence ON seqrelid = oid, LATERAL (VALUES
    ('type', format_type(seqtypid, NULL)),
    ('parameters', concat_ws(' ', seqstart, seqincrement, seqmin, seqmax, seqcache, seqcycle)),
    ('owned by', (SELECT format('%s.%I %s', refobjid::regclass, attname, deptype) FROM pg_depend
      JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid WHERE deptype IN ('a', 'i')
      AND classid = 'pg_class'::regclass AND objid = rel.oid AND refclassid = 'pg_class'::regclass))) f
UNION ALL
  SELECT format('column %I.%I', relname, attname), f.*
  FROM (SELECT a.*, relname, row_number() OVER (PARTITION BY attrelid ORDER BY attnum) AS place
    FROM rel JOIN pg_attribute a ON attrelid = rel.oid AND attnum > 0 AND NOT attisdropped
    WHERE relkind IN ('r', 'p', 'v', 'm', 'c', 'f')) a
  LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum, LATERAL (VALUES
    ('place', place::text),
    ('type', format_type(atttypid, atttypmod)),
    ('collation', CASE WHEN attcollation <> 0 THEN attcollation::regcollation::text END),
    ('nullable', CASE WHEN attnotnull THEN 'no' END),
    ('default', CASE WHEN attgenerated = '' THEN pg_get_expr(adbin, adrelid) END),
    ('generated', CASE WHEN attgenerated <> '' THEN concat(attgenerated, ' ', pg_get_expr(adbin, adrelid)) END),
    ('identity', nullif(attidentity, '')::text),
    ('storage', attstorage::text),
    ('compression', nullif(attcompression, '')::text),
    ('statistics', CASE WHEN attstattarget >= 0 THEN attstattarget::text END),
    ('options', (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(attoptions) o)),
    ('comment', col_description(attrelid, attnum))) f
UNION ALL
  -- Those that PostgreSQL makes itself for partitions have names that it makes up.
  SELECT format('constraint %I on %I', conname, coalesce(relname, typname)), f.*
  FROM pg_constraint c JOIN s ON connamespace = s.oid LEFT JOIN rel ON rel.oid = conrelid
  LEFT JOIN type ON type.oid = contypid, LATERAL (VALUES
    ('definition', pg_get_constraintdef(c.oid)),
    ('inherited', CASE WHEN contype = 'c' AND coninhcount > 0 THEN 'yes' END),
    ('comment', obj_description(c.oid, 'pg_constraint'))) f
  WHERE contype <> 't' AND (contype <> 'f' OR conparentid = 0)
UNION ALL
  SELECT format('index %I', i.relname), f.*
  FROM pg_index JOIN rel i ON i.oid = indexrelid, LATERAL (VALUES
    ('definition', pg_get_indexdef(indexrelid, 0, true)),
    ('parent', (SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = indexrelid)),
    ('options', i.reloptions::text),
    ('state', nullif(concat_ws(' ', CASE WHEN indisclustered THEN 'clustered' END,
      CASE WHEN indisreplident THEN 'replica identity' END, CASE WHEN NOT indisvalid THEN 'invalid' END,
      CASE WHEN NOT indimmediate THEN 'deferrable' END), '')),
    ('statistics', (SELECT string_agg(concat_ws(' ', attnum, attstattarget), ', ' ORDER BY attnum)
      FROM pg_attribute WHERE attrelid = indexrelid AND attstattarget >= 0)),
    ('comment', obj_description(indexrelid, 'pg_class'))) f
UNION ALL
  SELECT format('trigger %I on %I', tgname, relname), f.*
  FROM pg_trigger t JOIN rel ON rel.oid = tgrelid AND NOT tgisinternal, LATERAL (VALUES
    ('definition', pg_get_triggerdef(t.oid, true)),
    ('state', tgenabled::text),
    ('comment', obj_description(t.oid, 'pg_trigger'))) f
UNION ALL
  SELECT format('policy %I on %I', polname, relname), f.*
  FROM pg_policy p JOIN rel ON rel.oid = polrelid, LATERAL (VALUES
    ('command', concat(polcmd, CASE WHEN NOT polpermissive THEN ' restrictive' END)),
    ('roles', (SELECT string_agg(r, ', ' ORDER BY r) FROM (SELECT CASE role WHEN 0 THEN 'public'
      ELSE pg_get_userbyid(role)::text END FROM unnest(polroles) role) roles (r))),
    ('using', pg_get_expr(polqual, polrelid)),
    ('with check', pg_get_expr(polwithcheck, polrelid)),
    ('comment', obj_description(p.oid, 'pg_policy'))) f
UNION ALL
  SELECT format('rule %I on %I', rulename, relname), 'definition', pg_get_ruledef(r.oid, true)
  FROM pg_rewrite r JOIN rel ON rel.oid = ev_class AND rulename <> '_RETURN'
UNION ALL
  SELECT format('function %s', proc.oid::regprocedure), f.*
  FROM proc, LATERAL (VALUES
    ('owner', pg_get_userbyid(proowner)::text),
    ('comment', obj_description(oid, 'pg_proc')),
    ('definition', CASE WHEN prokind IN ('f', 'p') THEN
      replace(pg_get_functiondef(oid), format(' %I.%I(', $1::text, proname), format(' %I(', proname)) END)) f
UNION ALL
  SELECT format('type %I', typname), f.*
  FROM type, LATERAL (VALUES
    ('owner', pg_get_userbyid(typowner)::text),
    ('comment', obj_description(oid, 'pg_type')),
    ('kind', typtype::text),
    ('values', (SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder)
      FROM pg_enum WHERE enumtypid = type.oid)),
    ('base', CASE typtype WHEN 'd' THEN format_type(typbasetype, typtypmod) END),
    ('collation', CASE WHEN typcollation <> 0 THEN typcollation::regcollation::text END),
    ('default', pg_get_expr(typdefaultbin, 0)),
    ('nullable', CASE WHEN typnotnull THEN 'no' END)) f
UNION ALL
  SELECT format('statistics %I', stxname), f.*
  FROM pg_statistic_ext x JOIN s ON stxnamespace = s.oid, LATERAL (VALUES
    ('owner', pg_get_userbyid(stxowner)::text),
    ('comment', obj_description(x.oid, 'pg_statistic_ext')),
    ('definition', replace(pg_get_statisticsobjdef(x.oid), format(' %I.%I', $1::text, stxname),
      format(' %I', stxname))),
    ('target', CASE WHEN stxstattarget >= 0 THEN stxstattarget::text END)) f
UNION ALL
  -- What is not copied.
  SELECT concat(type, ' ', replace(identity, quote_ident($1) || '.', '')), 'kind', type
  FROM s JOIN pg_depend d ON refclassid = 'pg_namespace'::regclass AND refobjid = s.oid,
  LATERAL pg_identify_object(classid, objid, objsubid)
  WHERE classid <> ALL ('{pg_class, pg_type, pg_proc, pg_statistic_ext, pg_default_acl}'::regclass[])
)
SELECT object, property, value FROM fact WHERE value IS NOT NULL ORDER BY 1, 2, 3
