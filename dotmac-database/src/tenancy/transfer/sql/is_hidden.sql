row_security_active(rel.oid) AND (
    NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = rel.oid AND polpermissive AND polcmd IN ({commands})
      AND pg_get_expr(polqual, polrelid) = 'true'
      AND EXISTS (SELECT FROM unnest(polroles) r WHERE r = 0 OR pg_has_role(r, 'USAGE')))
    OR EXISTS (SELECT FROM pg_policy WHERE polrelid = rel.oid AND NOT polpermissive))
