//! Rights on tables beyond the rows that policies show.

use super::list::Rule;
use crate::rls::check::Severity::{Danger, Warning};

pub const RULES: [Rule; 3] = [
    Rule::installed(
        "grant-truncate",
        Danger,
        "SELECT c.oid::regclass::text AS object,
            'the application may TRUNCATE it: policies do not hold for that' AS why,
            format('REVOKE TRUNCATE ON %s FROM %I, PUBLIC;', c.oid::regclass, {application}) AS remedy
         FROM pg_class c
         WHERE c.oid IN (SELECT oid FROM guarded)
           AND has_table_privilege({application}, c.oid, 'TRUNCATE')",
    ),
    Rule::installed(
        "grant-excess",
        Warning,
        "SELECT c.oid::regclass::text AS object,
            format('the application has %s on it: a foreign key or trigger of its own would see rows \
                of others', string_agg(p.name, ', ')) AS why,
            format('REVOKE REFERENCES, TRIGGER ON %s FROM %I, PUBLIC;', c.oid::regclass, {application})
              AS remedy
         FROM pg_class c CROSS JOIN (VALUES ('REFERENCES'), ('TRIGGER')) AS p (name)
         WHERE c.oid IN (SELECT oid FROM guarded)
           AND has_table_privilege({application}, c.oid, p.name)
         GROUP BY c.oid",
    ),
    // Whom no policy is for sees no rows; one policy later it would.
    Rule::installed(
        "grant-stranger",
        Warning,
        "SELECT format('%s on %s', who.name, c.oid::regclass) AS object,
            format('%s has %s on it%s', who.name, string_agg(DISTINCT a.privilege_type, ', '),
                CASE WHEN bool_or(a.is_grantable) THEN ', and may pass it on' ELSE '' END) AS why,
            format('REVOKE ALL ON %s FROM %s;', c.oid::regclass, who.sql) AS remedy
         FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) AS a
         CROSS JOIN LATERAL (SELECT
            CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END AS name,
            CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS sql
         ) AS who
         WHERE c.oid IN (SELECT oid FROM guarded) AND a.grantee <> c.relowner
           AND (who.name NOT IN ({owner}, {migrator}, {application}, {system}) OR a.is_grantable)
         GROUP BY c.oid, who.name, who.sql",
    ),
];
