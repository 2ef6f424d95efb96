-- What the schema $1 holds that is not copied, and why. Whatever is in it or hangs on it is known by
-- pg_depend, so that a kind of object that nobody thought of is refused as well.
-- $2: whether all rows are copied.
WITH s AS (SELECT oid FROM pg_namespace WHERE nspname = $1::text),
rel AS MATERIALIZED (SELECT c.* FROM pg_class c JOIN s ON c.relnamespace = s.oid),
proc AS MATERIALIZED (SELECT p.* FROM pg_proc p JOIN s ON p.pronamespace = s.oid),
type AS MATERIALIZED (SELECT t.* FROM pg_type t JOIN s ON t.typnamespace = s.oid),
own (class, oid) AS MATERIALIZED (
  SELECT 'pg_class'::regclass, oid FROM rel
  UNION ALL SELECT 'pg_proc'::regclass, oid FROM proc
  UNION ALL SELECT 'pg_type'::regclass, oid FROM type
  UNION ALL SELECT 'pg_namespace'::regclass, oid FROM s
  UNION ALL SELECT 'pg_trigger'::regclass, t.oid FROM pg_trigger t JOIN rel ON t.tgrelid = rel.oid
),
rights (class, oid, owner, acl) AS (
  SELECT 'pg_class'::regclass, oid, relowner, relacl FROM rel
  UNION ALL SELECT 'pg_class'::regclass, rel.oid, relowner, attacl
    FROM rel JOIN pg_attribute a ON a.attrelid = rel.oid AND attacl IS NOT NULL
  UNION ALL SELECT 'pg_proc'::regclass, oid, proowner, proacl FROM proc
  UNION ALL SELECT 'pg_type'::regclass, oid, typowner, typacl FROM type
  UNION ALL SELECT 'pg_namespace'::regclass, n.oid, nspowner, nspacl FROM pg_namespace n JOIN s USING (oid)
)
SELECT pg_describe_object(class, oid, 0) AS object, reason FROM (
  SELECT d.classid, d.objid, 'objects of this kind are not copied'
  FROM s JOIN pg_depend d ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = s.oid
  WHERE d.classid <> ALL ('{pg_class, pg_type, pg_proc, pg_statistic_ext, pg_default_acl}'::regclass[])
UNION ALL
  SELECT 'pg_class'::regclass, oid, 'foreign tables are not copied' FROM rel WHERE relkind = 'f'
UNION ALL
  SELECT 'pg_class'::regclass, oid, 'it is a table of a composite type' FROM rel WHERE reloftype <> 0
UNION ALL
  SELECT 'pg_type'::regclass, oid, 'only enumerations, domains and composite types are copied'
  FROM type WHERE typtype NOT IN ('e', 'd', 'c')
    AND NOT EXISTS (SELECT FROM pg_type e WHERE e.oid = type.typelem AND e.typarray = type.oid)
UNION ALL
  SELECT 'pg_proc'::regclass, oid, 'aggregates and window functions are not copied'
  FROM proc WHERE prokind NOT IN ('f', 'p')
UNION ALL
  SELECT own.class, own.oid, 'it belongs to an extension: install that into a schema of its own'
  FROM own, LATERAL (SELECT FROM pg_depend d WHERE d.classid = own.class AND d.objid = own.oid
    AND d.refclassid = 'pg_extension'::regclass AND d.deptype IN ('e', 'x') OFFSET 0) d
UNION ALL
  SELECT d.classid, d.objid, 'it hangs on ' || pg_describe_object(own.class, own.oid, 0) ||
    ', and objects of this kind are not copied'
  FROM own, LATERAL (SELECT * FROM pg_depend d
    WHERE d.refclassid = own.class AND d.refobjid = own.oid AND own.class <> 'pg_namespace'::regclass
    AND d.classid <> ALL ('{pg_class, pg_type, pg_proc, pg_statistic_ext, pg_constraint, pg_attrdef,
      pg_rewrite, pg_trigger, pg_policy}'::regclass[]) OFFSET 0) d
UNION ALL
  SELECT 'pg_class'::regclass, c.oid, CASE WHEN c.relispartition
    THEN 'the partitioned table and its partitions are in several schemas'
    ELSE 'it inherits from another table: only partitions are copied' END
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
  WHERE c.relkind IN ('r', 'p', 'f') AND (EXISTS (SELECT FROM s WHERE s.oid = c.relnamespace)
    OR EXISTS (SELECT FROM s WHERE s.oid = p.relnamespace))
    AND (NOT c.relispartition OR c.relnamespace <> p.relnamespace)
UNION ALL
  SELECT 'pg_rewrite'::regclass, r.oid, 'rules are not copied: use a trigger'
  FROM pg_rewrite r JOIN rel ON ev_class = rel.oid AND rulename <> '_RETURN'
UNION ALL
  SELECT 'pg_class'::regclass, rel.oid, 'its foreign keys are disabled: run ALTER TABLE … ENABLE TRIGGER ALL'
  FROM pg_trigger t JOIN rel ON tgrelid = rel.oid AND tgisinternal AND tgenabled <> 'O'
UNION ALL
  SELECT 'pg_class'::regclass, indexrelid, 'it is not valid: run REINDEX, or drop it'
  FROM pg_index JOIN rel ON indexrelid = rel.oid AND NOT (indisvalid AND indisready)
UNION ALL
  SELECT 'pg_class'::regclass, oid, 'it has a tablespace of its own' FROM rel WHERE reltablespace <> 0
UNION ALL
  SELECT own.class, own.oid, 'security labels are not copied' FROM own
  WHERE EXISTS (SELECT FROM pg_seclabel l WHERE l.classoid = own.class AND l.objoid = own.oid)
UNION ALL
  SELECT DISTINCT class, oid, 'rights on it were granted by "' || pg_get_userbyid(grantor) ||
    '", which is not its owner'
  FROM rights, aclexplode(acl) WHERE grantor <> owner
UNION ALL
  SELECT 'pg_class'::regclass, oid, 'its name is one of PostgreSQL''s own'
  FROM rel WHERE relname LIKE 'pg\_%' AND relkind NOT IN ('i', 'I')
UNION ALL
  SELECT 'pg_proc'::regclass, oid, 'its name is one of PostgreSQL''s own'
  FROM proc WHERE EXISTS (SELECT FROM pg_proc b
    WHERE b.pronamespace = 'pg_catalog'::regnamespace AND b.proname = proc.proname)
UNION ALL
  SELECT 'pg_type'::regclass, oid, 'its name is one of PostgreSQL''s own'
  FROM type WHERE typname IN ('text', 'name', 'oid', 'char', 'bool', 'int4', 'int8', 'regclass',
    'regnamespace', 'regprocedure', 'regtype')
UNION ALL
  SELECT 'pg_class'::regclass, oid, 'its policies may hide rows from role "' || current_user ||
    '": connect as the migrator'
  FROM rel WHERE ($2::boolean OR relname = 'seaql_migrations') AND row_security_active(oid) AND (
    NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = rel.oid AND polpermissive
      AND polcmd IN ('*', 'r') AND pg_get_expr(polqual, polrelid) = 'true'
      AND EXISTS (SELECT FROM unnest(polroles) r WHERE r = 0 OR pg_has_role(r, 'USAGE')))
    OR EXISTS (SELECT FROM pg_policy WHERE polrelid = rel.oid AND NOT polpermissive
      AND polcmd IN ('*', 'r')))
) refusal (class, oid, reason) ORDER BY reason LIKE 'it hangs on%', 1, 2
