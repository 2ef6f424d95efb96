//! Tables that no tenant-aware entity is of, and that the application reads or writes all the same.

use super::list::Rule;
use crate::rls::check::Severity::{Danger, Warning};

/// A table that is meant for all says so: by [`share`](crate::rls::share), or by a policy of its own.
pub const RULES: [Rule; 5] = [
    Rule::new(
        "table-open",
        Danger,
        "SELECT o.name AS object,
            format('%s: all tenants share its rows, although it has the column %I', o.why, o.tenant) AS why,
            format('-- Decide: make it the table of a tenant-aware entity, and run `rls::install`; or by hand:'
                || chr(10) || 'CREATE POLICY dotmac_tenant ON %1$s TO %2$I USING (%3$I = '
                || '(select nullif(current_setting(%4$L, true), '''')::%5$s));' || chr(10)
                || 'CREATE POLICY dotmac_migrator ON %1$s TO %6$I USING (true);' || chr(10)
                || 'CREATE POLICY dotmac_system ON %1$s TO %7$I USING (true);' || chr(10)
                || 'ALTER TABLE %1$s OWNER TO %8$I;' || chr(10)
                || 'ALTER TABLE %1$s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;',
                o.name, {application}, o.tenant, {setting}, o.type, {migrator}, {system}, {owner}) AS remedy
         FROM open o WHERE o.tenant IS NOT NULL AND o.relkind <> 'f'",
    ),
    // Nothing by which a policy could tell the tenants apart.
    Rule::new(
        "table-open",
        Danger,
        "SELECT o.name AS object, o.why || ': all tenants share its rows, although ' || CASE
                WHEN o.tenant IS NOT NULL THEN format('it has the column %I', o.tenant)
                WHEN o.key IS NOT NULL THEN format('they belong to rows of %s', o.parent)
                ELSE 'it is in the schema of one of them' END AS why,
            CASE WHEN o.relkind = 'f' THEN '-- Decide: a foreign table can have no policies.'
                ELSE '-- Decide: give it the tenant''s column, also in its foreign keys, and make it the table of '
                  || 'a tenant-aware entity.' END
              || chr(10) || format('REVOKE ALL ON %s FROM %I, PUBLIC;', o.name, {application}) AS remedy
         FROM open o
         WHERE o.tenant IS NULL AND (o.key IS NOT NULL OR o.is_of_one) OR o.tenant IS NOT NULL AND o.relkind = 'f'",
    ),
    Rule::new(
        "table-open",
        Warning,
        "SELECT o.name AS object, o.why || ': all tenants share its rows' AS why,
            CASE WHEN o.relkind = 'f' THEN format('-- Decide: a foreign table can have no policies.' || chr(10)
                || 'REVOKE ALL ON %s FROM %I, PUBLIC;', o.name, {application})
            ELSE format('-- Decide: who writes it? By `rls::share` all tenants read it and none writes; a policy '
                || 'of its own tells that it is meant as it is.' || chr(10)
                || 'CREATE POLICY dotmac_shared ON %1$s FOR SELECT TO %2$I USING (true);' || chr(10)
                || 'CREATE POLICY dotmac_migrator ON %1$s TO %3$I USING (true);' || chr(10)
                || 'CREATE POLICY dotmac_system ON %1$s TO %4$I USING (true);' || chr(10)
                || 'ALTER TABLE %1$s OWNER TO %5$I;' || chr(10)
                || 'ALTER TABLE %1$s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;',
                o.name, {application}, {migrator}, {system}, {owner}) END AS remedy
         FROM open o WHERE o.tenant IS NULL AND o.key IS NULL AND NOT o.is_of_one",
    ),
    Rule::new(
        "policy-wide",
        Danger,
        "SELECT format('%I on %s', l.polname, o.name) AS object,
            format('the policy holds for the application and asks for no tenant, although the table has the \
                column %I', o.tenant) AS why,
            format('-- Decide: who needs it? By `rls::share` all tenants read the table and none writes.'
                || chr(10) || 'DROP POLICY %I ON %s;', l.polname, o.name) AS remedy
         FROM loose l JOIN others o ON o.oid = l.polrelid
         WHERE o.tenant IS NOT NULL AND l.polname <> 'dotmac_shared'
           AND (0 = ANY (l.polroles) OR EXISTS (SELECT FROM held WHERE oid = ANY (l.polroles)))",
    ),
    Rule::new(
        "grant-truncate",
        Danger,
        "SELECT o.name AS object,
            'the application may TRUNCATE it, with the rows of all tenants' AS why,
            format('REVOKE TRUNCATE ON %s FROM %I, PUBLIC;', o.name, {application}) AS remedy
         FROM others o
         WHERE (o.tenant IS NOT NULL OR o.key IS NOT NULL OR o.is_of_one) AND o.relrowsecurity
           AND has_table_privilege({application}, o.oid, 'TRUNCATE')",
    ),
];
