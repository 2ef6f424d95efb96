//! Tables, their partitions and heirs: is row-level security on, also for the owner?

use super::list::Rule;
use crate::rls::check::Severity::{Danger, Warning};

pub const RULES: [Rule; 5] = [
    Rule::new(
        "table-missing",
        Warning,
        "SELECT concat_ws('.', quote_ident(w.schema), quote_ident(w.name)) AS object,
            'the table of a tenant-aware entity is not there, or is not in the search path' AS why,
            '-- Run the migrations, or set the search path.' AS remedy
         FROM wanted w
         WHERE {expected} AND NOT EXISTS (SELECT FROM tables t
            WHERE t.relname = w.name AND t.wanted_schema IS NOT DISTINCT FROM w.schema)",
    ),
    Rule::installed(
        "rls-off",
        Danger,
        "SELECT name AS object, 'row-level security is off: every tenant sees all rows' AS why,
            format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY;', name) AS remedy
         FROM tables WHERE NOT relrowsecurity",
    ),
    Rule::installed(
        "rls-not-forced",
        Danger,
        "SELECT name AS object,
            format('policies do not bind its owner %I, nor its views and functions',
                pg_get_userbyid(relowner)) AS why,
            format('ALTER TABLE %s FORCE ROW LEVEL SECURITY;', name) AS remedy
         FROM tables WHERE NOT relforcerowsecurity",
    ),
    Rule::installed(
        "table-owner",
        Warning,
        "SELECT name AS object,
            format('it belongs to %I, not to the role that cannot log in', pg_get_userbyid(relowner))
              AS why,
            format('ALTER TABLE %s OWNER TO %I;', name, {owner}) AS remedy
         FROM tables WHERE pg_get_userbyid(relowner) <> {owner}",
    ),
    // Policies of the parent hold for statements that name the parent only.
    Rule::new(
        "partition-open",
        Danger,
        "SELECT h.oid::regclass::text AS object,
            format('%s can be addressed past the policies of %s: somebody has rights on it, and it \
                has no row-level security of its own', h.oid::regclass, h.parent) AS why,
            format('REVOKE ALL ON %s FROM %I, PUBLIC;', h.oid::regclass, {application}) AS remedy
         FROM heirs h JOIN pg_class c ON c.oid = h.oid
         WHERE NOT c.relrowsecurity
           AND (has_table_privilege({application}, c.oid,
                  'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
             OR has_any_column_privilege({application}, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))",
    ),
];
