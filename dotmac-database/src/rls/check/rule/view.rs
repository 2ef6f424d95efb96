//! Views and materialized views over tenants' tables.

use super::list::Rule;
use crate::rls::check::Severity::Danger;

pub const RULES: [Rule; 2] = [
    Rule::new(
        "view-open",
        Danger,
        "SELECT c.oid::regclass::text AS object,
            format('the view shows what its owner %I sees, which is all rows', o.rolname) AS why,
            CASE WHEN current_setting('server_version_num')::int >= 150000
                THEN format('ALTER VIEW %s SET (security_invoker = true);', c.oid::regclass)
                ELSE format('ALTER VIEW %s OWNER TO %I;', c.oid::regclass, {owner}) END AS remedy
         FROM pg_class c JOIN seeing o ON o.oid = c.relowner
         WHERE c.oid IN (SELECT oid FROM views) AND c.relkind = 'v'
           AND NOT coalesce((SELECT option_value::boolean FROM pg_options_to_table(c.reloptions)
                WHERE option_name = 'security_invoker'), false)",
    ),
    // It holds what the one who refreshes it sees, and takes no policies.
    Rule::judging(
        "materialized-view",
        "SELECT c.oid::regclass::text AS object,
            CASE WHEN readable THEN 'danger' ELSE 'warning' END AS severity,
            'a materialized view holds rows of all tenants, and policies do not hold for it'
              || CASE WHEN readable THEN ': the application reads it' ELSE '' END AS why,
            CASE WHEN readable
                THEN format('REVOKE ALL ON %s FROM %I, PUBLIC;', c.oid::regclass, {application})
                ELSE format('-- Decide: is it needed? Nobody but its owner reads it now.'
                    || chr(10) || 'DROP MATERIALIZED VIEW %s;', c.oid::regclass) END AS remedy
         FROM pg_class c
         CROSS JOIN LATERAL (SELECT has_table_privilege({application}, c.oid, 'SELECT')
            OR has_any_column_privilege({application}, c.oid, 'SELECT') AS readable) AS r
         WHERE c.oid IN (SELECT oid FROM views) AND c.relkind = 'm'",
    ),
];
