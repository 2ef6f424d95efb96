-- Who may do what with the objects of the schema $1. Read with the schema first in the search path, so
-- that two schemas call their objects the same.
WITH s AS (SELECT * FROM pg_namespace WHERE nspname = $1::text),
rel AS MATERIALIZED (SELECT c.* FROM pg_class c JOIN s ON c.relnamespace = s.oid)
SELECT object, "column"::text, CASE grantee WHEN 0 THEN 'PUBLIC'
    ELSE quote_ident(pg_get_userbyid(grantee)) END AS grantee, privilege_type AS privilege,
  is_grantable::text AS grantable
FROM (
  SELECT 'SCHEMA', NULL, coalesce(nspacl, acldefault('n', nspowner)) FROM s
  UNION ALL SELECT format(CASE relkind WHEN 'S' THEN 'SEQUENCE %I' ELSE 'TABLE %I' END, relname), NULL,
    coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))
    FROM rel WHERE relkind IN ('r', 'p', 'v', 'm', 'S')
  UNION ALL SELECT format('TABLE %I', relname), attname, attacl
    FROM rel JOIN pg_attribute ON attrelid = rel.oid AND attacl IS NOT NULL
  UNION ALL SELECT format('ROUTINE %s', p.oid::regprocedure), NULL, coalesce(proacl, acldefault('f', proowner))
    FROM pg_proc p JOIN s ON pronamespace = s.oid
  UNION ALL SELECT format('TYPE %I', typname), NULL, coalesce(typacl, acldefault('T', typowner))
    FROM pg_type t JOIN s ON typnamespace = s.oid LEFT JOIN rel ON rel.oid = typrelid
    WHERE typtype IN ('e', 'd') OR relkind = 'c'
  UNION ALL SELECT format('DEFAULT %s %s', quote_ident(pg_get_userbyid(defaclrole)), CASE defaclobjtype
      WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'ROUTINES' ELSE 'TYPES' END), NULL,
    defaclacl FROM pg_default_acl d JOIN s ON defaclnamespace = s.oid
) held (object, "column", acl), aclexplode(acl)
ORDER BY 1, 2, 3, 4
