//! SECURITY DEFINER functions, which run as their owner, also by way of triggers.

use super::list::Rule;

// What a function does cannot be read from the catalog: its text is looked at for the tables' names.
pub const RULES: [Rule; 1] = [Rule::judging(
    "definer-function",
    "SELECT f.oid::regprocedure::text AS object,
        CASE WHEN names IS NOT NULL THEN 'danger' ELSE 'warning' END AS severity,
        format(CASE WHEN runs THEN 'the application may run it as %I, who sees all rows'
                    ELSE 'a trigger on %2$s runs it as %1$I, who sees all rows' END, o.rolname, fired)
          || coalesce(', and it names ' || names, '')
          || CASE WHEN f.proconfig::text LIKE '%search_path=%' THEN ''
             ELSE '; it has no search path of its own, so that its caller chooses its tables' END AS why,
        format('ALTER FUNCTION %s SECURITY INVOKER;', f.oid::regprocedure) AS remedy
     FROM pg_proc f JOIN seeing o ON o.oid = f.proowner
     CROSS JOIN LATERAL (
        SELECT string_agg(t.relname, ', ') AS names FROM (SELECT DISTINCT relname FROM tables) AS t
        WHERE coalesce(f.prosrc, '') || coalesce(pg_get_function_sqlbody(f.oid), '')
            ~ ('\\m' || t.relname || '\\M')) AS n
     CROSS JOIN LATERAL (SELECT has_function_privilege({application}, f.oid, 'EXECUTE') AS runs) AS e
     -- Whose statement fires a trigger needs no right on its function.
     CROSS JOIN LATERAL (
        SELECT min(g.tgrelid::regclass::text) AS fired FROM pg_trigger g
        WHERE g.tgfoid = f.oid AND g.tgenabled <> 'D'
          AND (has_table_privilege({application}, g.tgrelid, 'INSERT, UPDATE, DELETE, TRUNCATE')
            OR has_any_column_privilege({application}, g.tgrelid, 'INSERT, UPDATE'))) AS g
     WHERE f.prosecdef AND f.prokind IN ('f', 'p') AND (runs OR fired IS NOT NULL)
       AND f.pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
            AND d.objid = f.oid AND d.deptype = 'e')",
)];
