-- What the schema $2 uses of the schema $1: nothing, where it is a copy.
WITH s AS (SELECT oid FROM pg_namespace WHERE nspname = $2::text),
rel AS MATERIALIZED (SELECT c.oid FROM pg_class c JOIN s ON c.relnamespace = s.oid),
copy (class, oid) AS MATERIALIZED (
  SELECT 'pg_class'::regclass, oid FROM rel
  UNION ALL SELECT 'pg_proc'::regclass, p.oid FROM pg_proc p JOIN s ON pronamespace = s.oid
  UNION ALL SELECT 'pg_type'::regclass, t.oid FROM pg_type t JOIN s ON typnamespace = s.oid
  UNION ALL SELECT 'pg_constraint'::regclass, c.oid FROM pg_constraint c JOIN s ON connamespace = s.oid
  UNION ALL SELECT 'pg_statistic_ext'::regclass, x.oid FROM pg_statistic_ext x JOIN s ON stxnamespace = s.oid
  UNION ALL SELECT 'pg_attrdef'::regclass, d.oid FROM pg_attrdef d JOIN rel ON adrelid = rel.oid
  UNION ALL SELECT 'pg_trigger'::regclass, t.oid FROM pg_trigger t JOIN rel ON tgrelid = rel.oid
  UNION ALL SELECT 'pg_policy'::regclass, p.oid FROM pg_policy p JOIN rel ON polrelid = rel.oid
  UNION ALL SELECT 'pg_rewrite'::regclass, r.oid FROM pg_rewrite r JOIN rel ON ev_class = rel.oid
),
used AS (
  SELECT class, copy.oid, refclassid, refobjid, refobjsubid FROM copy,
  LATERAL (SELECT * FROM pg_depend d WHERE d.classid = copy.class AND d.objid = copy.oid OFFSET 0) d
)
SELECT pg_describe_object(class, oid, 0) AS object,
  'the copy would use ' || pg_describe_object(refclassid, refobjid, refobjsubid) || ' of the original' AS reason
FROM used WHERE (SELECT oid FROM pg_namespace WHERE nspname = $1::text) = CASE refclassid
  WHEN 'pg_class'::regclass THEN (SELECT relnamespace FROM pg_class c WHERE c.oid = refobjid)
  WHEN 'pg_proc'::regclass THEN (SELECT pronamespace FROM pg_proc p WHERE p.oid = refobjid)
  WHEN 'pg_type'::regclass THEN (SELECT typnamespace FROM pg_type t WHERE t.oid = refobjid)
  WHEN 'pg_constraint'::regclass THEN (SELECT connamespace FROM pg_constraint c WHERE c.oid = refobjid)
  WHEN 'pg_namespace'::regclass THEN refobjid
END ORDER BY 1, 2
