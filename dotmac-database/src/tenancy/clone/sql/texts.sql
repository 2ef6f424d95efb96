-- What of the schema $1 names it in a text that PostgreSQL does not look into: what such a text means is
-- found when it runs. Read with the schema first in the search path: references that PostgreSQL knows are
-- then without its name. $2: a pattern of what may hold the name by chance.
WITH s AS (SELECT oid FROM pg_namespace WHERE nspname = $1::text),
rel AS MATERIALIZED (SELECT c.* FROM pg_class c JOIN s ON c.relnamespace = s.oid),
proc AS MATERIALIZED (SELECT p.* FROM pg_proc p JOIN s ON p.pronamespace = s.oid),
expression (class, oid, text) AS (
  SELECT 'pg_attrdef'::regclass, d.oid, pg_get_expr(adbin, adrelid)
    FROM pg_attrdef d JOIN rel ON adrelid = rel.oid
  UNION ALL SELECT 'pg_constraint'::regclass, c.oid, pg_get_constraintdef(c.oid)
    FROM pg_constraint c JOIN s ON connamespace = s.oid
  UNION ALL SELECT 'pg_class'::regclass, indexrelid, pg_get_indexdef(indexrelid, 0, true)
    FROM pg_index JOIN rel ON indrelid = rel.oid
  UNION ALL SELECT 'pg_trigger'::regclass, t.oid, pg_get_triggerdef(t.oid, true)
    FROM pg_trigger t JOIN rel ON tgrelid = rel.oid AND NOT tgisinternal
  UNION ALL SELECT 'pg_policy'::regclass, p.oid,
      concat_ws(' ', pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
    FROM pg_policy p JOIN rel ON polrelid = rel.oid
  UNION ALL SELECT 'pg_class'::regclass, oid, pg_get_viewdef(oid) FROM rel WHERE relkind IN ('v', 'm')
  UNION ALL SELECT 'pg_type'::regclass, pg_type.oid, pg_get_expr(typdefaultbin, 0)
    FROM pg_type JOIN s ON typnamespace = s.oid
  UNION ALL SELECT 'pg_proc'::regclass, oid, pg_get_expr(proargdefaults, 0) FROM proc
)
SELECT pg_describe_object(class, oid, 0) AS object, reason FROM (
  SELECT 'pg_proc'::regclass, oid,
    'its text names the schema: leave it out, or set the search path in the caller'
  FROM proc WHERE regexp_replace(concat_ws(' ', prosrc, proconfig::text), $2::text, '', 'g')
    ~* ('(^|[^a-z0-9_$])' || $1 || '($|[^a-z0-9_$])')
UNION ALL
  SELECT class, oid, 'a string in its definition names the schema' FROM expression
  WHERE regexp_replace(text, $2, '', 'g')
    ~* ('''([^'']*[^a-z0-9_$''])?' || $1 || '([^a-z0-9_$''][^'']*)?''')
) named (class, oid, reason) ORDER BY 1, 2
