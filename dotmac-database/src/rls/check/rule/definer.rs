//! SECURITY DEFINER functions, which run as their owner.

use super::list::Rule;

// What a function does cannot be read from the catalog: its text is looked at for the tables' names.
pub const RULES: [Rule; 1] = [Rule::judging(
    "definer-function",
    "SELECT f.oid::regprocedure::text AS object,
        CASE WHEN names IS NOT NULL THEN 'danger' ELSE 'warning' END AS severity,
        format('the application may run it as %I, who sees all rows', o.rolname)
          || coalesce(', and it names ' || names, '')
          || CASE WHEN f.proconfig::text LIKE '%search_path=%' THEN ''
             ELSE '; it has no search path of its own, so that its caller chooses its tables' END AS why,
        format('ALTER FUNCTION %s SECURITY INVOKER;', f.oid::regprocedure) AS remedy
     FROM pg_proc f JOIN seeing o ON o.oid = f.proowner
     CROSS JOIN LATERAL (
        SELECT string_agg(t.name, ', ') AS names FROM tables t JOIN pg_class c ON c.oid = t.oid
        WHERE coalesce(f.prosrc, '') || coalesce(pg_get_function_sqlbody(f.oid), '')
            ~ ('\\m' || c.relname || '\\M')) AS n
     WHERE f.prosecdef AND f.prokind IN ('f', 'p')
       AND has_function_privilege({application}, f.oid, 'EXECUTE')
       AND f.pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
            AND d.objid = f.oid AND d.deptype = 'e')",
)];
