//! Roles that policies do not bind.

use super::list::Rule;
use crate::rls::check::Severity::{Danger, Warning};

pub const MISSING: Rule = Rule::new(
    "role-missing",
    Danger,
    "SELECT name AS object, 'the role does not exist: nothing can be granted to it' AS why,
        format('-- Run `Roles::create`, which also gives it its rights.' || chr(10) ||
               'CREATE ROLE %I %s;', name, login) AS remedy
     FROM (VALUES ({owner}, 'NOLOGIN'), ({migrator}, 'LOGIN'), ({application}, 'LOGIN'),
                  ({system}, 'LOGIN')) AS roles (name, login)
     WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)",
);

/// What is asked for the roles alone.
pub const RULES: [Rule; 8] = [
    Rule::new(
        "role-bypasses",
        Danger,
        "SELECT r.rolname::text AS object,
            CASE WHEN r.rolname = {application} THEN 'the application''s role has '
                 ELSE 'the application''s role is a member of it, and it has ' END || a.name
              || ': policies do not bind it' AS why,
            CASE WHEN r.rolname = {application} THEN format('ALTER ROLE %I NO%s;', r.rolname, a.name)
                 ELSE format('REVOKE %I FROM %I;', r.rolname, m.member) END AS remedy
         FROM held JOIN pg_roles r ON r.oid = held.oid
         CROSS JOIN LATERAL (VALUES ('SUPERUSER', r.rolsuper), ('BYPASSRLS', r.rolbypassrls),
            ('CREATEROLE', r.rolcreaterole), ('REPLICATION', r.rolreplication)) AS a (name, has)
         LEFT JOIN LATERAL (SELECT pg_get_userbyid(member) AS member FROM pg_auth_members
            WHERE roleid = r.oid AND member IN (SELECT oid FROM held) LIMIT 1) m ON true
         WHERE a.has",
    ),
    Rule::new(
        "role-membership",
        Danger,
        "SELECT r.rolname::text AS object,
            format('%I is a member of it, and so reads, changes or runs what policies do not bind',
                pg_get_userbyid(m.member)) AS why,
            format('REVOKE %I FROM %I;', r.rolname, pg_get_userbyid(m.member)) AS remedy
         FROM held JOIN pg_roles r ON r.oid = held.oid
         JOIN pg_auth_members m ON m.roleid = r.oid AND m.member IN (SELECT oid FROM held)
         WHERE r.rolname IN ({owner}, {migrator}, {system}, 'pg_read_server_files',
            'pg_write_server_files', 'pg_execute_server_program', 'pg_read_all_stats', 'pg_monitor',
            'pg_write_all_data', 'pg_read_all_data', 'pg_signal_backend')
           AND pg_get_userbyid(m.member) NOT IN ({owner}, {migrator}, {system})",
    ),
    Rule::new(
        "role-owner",
        Danger,
        "SELECT r.rolname::text AS object,
            'the tables'' owner must not log in, nor see rows: its views would show them' AS why,
            format('ALTER ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS;', r.rolname) AS remedy
         FROM pg_roles r
         WHERE r.rolname = {owner} AND (r.rolcanlogin OR r.rolsuper OR r.rolbypassrls)",
    ),
    Rule::new(
        "role-creates",
        Warning,
        "SELECT object, 'the application''s role may create objects there, such as functions that run \
             before a policy, or temporary tables that hide others' AS why, remedy
         FROM (
            SELECT format('schema %I', n.nspname) AS object,
                format('REVOKE CREATE ON SCHEMA %I FROM %I, PUBLIC;', n.nspname, {application}) AS remedy
            FROM pg_namespace n
            WHERE (n.oid IN (SELECT relnamespace FROM tables) OR n.nspname = current_schema())
              AND has_schema_privilege({application}, n.oid, 'CREATE')
          UNION ALL
            SELECT format('database %I', current_database()),
                format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM %I, PUBLIC;',
                    current_database(), {application})
            WHERE has_database_privilege({application}, current_database(), 'CREATE')
               OR has_database_privilege({application}, current_database(), 'TEMPORARY')
         ) AS places",
    ),
    // The application's is `role-bypasses`.
    Rule::new(
        "role-strong",
        Warning,
        "SELECT r.rolname::text AS object,
            format('it has %s, which its work does not need', string_agg(a.name, ', ')) AS why,
            format('ALTER ROLE %I %s;', r.rolname, string_agg('NO' || a.name, ' ')) AS remedy
         FROM pg_roles r
         CROSS JOIN LATERAL (VALUES ('SUPERUSER', r.rolsuper), ('BYPASSRLS', r.rolbypassrls),
            ('CREATEROLE', r.rolcreaterole), ('REPLICATION', r.rolreplication),
            ('CREATEDB', r.rolcreatedb)) AS a (name, has)
         WHERE a.has AND (r.rolname IN ({migrator}, {system})
            OR r.rolname IN ({owner}, {application}) AND a.name = 'CREATEDB')
         GROUP BY r.rolname",
    ),
    Rule::new(
        "role-login",
        Warning,
        "SELECT rolname::text AS object, 'it cannot log in' AS why,
            format('ALTER ROLE %I LOGIN;', rolname) AS remedy
         FROM pg_roles
         WHERE rolname IN ({migrator}, {application}, {system}) AND NOT rolcanlogin",
    ),
    Rule::new(
        "role-lacks",
        Warning,
        "SELECT role AS object, lacks AS why, remedy
         FROM (
            SELECT {migrator} AS role, 'it is not a member of the owner, and so cannot change tables' AS lacks,
                format('GRANT %I TO %I;', {owner}, {migrator}) AS remedy
            WHERE NOT pg_has_role({migrator}, {owner}, 'MEMBER')
          UNION ALL
            SELECT role, format('it may not use schema %I', current_schema()),
                format('GRANT USAGE ON SCHEMA %I TO %I;', current_schema(), role)
            FROM (VALUES ({migrator}), ({application}), ({system})) AS logins (role)
            WHERE NOT has_schema_privilege(role, current_schema(), 'USAGE')
          UNION ALL
            SELECT role, format('it may not connect to database %I', current_database()),
                format('GRANT CONNECT ON DATABASE %I TO %I;', current_database(), role)
            FROM (VALUES ({migrator}), ({application}), ({system})) AS logins (role)
            WHERE NOT has_database_privilege(role, current_database(), 'CONNECT')
         ) AS lacking",
    ),
    // `install` gives rights once policies stand.
    Rule::new(
        "default-privileges",
        Danger,
        "SELECT format('tables of %I', pg_get_userbyid(d.defaclrole)) AS object,
            format('a table that it makes is open to %s before policies stand', who.name) AS why,
            format('ALTER DEFAULT PRIVILEGES FOR ROLE %I%s REVOKE ALL ON TABLES FROM %s;',
                pg_get_userbyid(d.defaclrole),
                CASE d.defaclnamespace WHEN 0 THEN ''
                    ELSE format(' IN SCHEMA %s', d.defaclnamespace::regnamespace) END,
                who.name) AS remedy
         FROM pg_default_acl d CROSS JOIN LATERAL aclexplode(d.defaclacl) AS a
         CROSS JOIN LATERAL (SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC'
            ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS name) AS who
         WHERE d.defaclobjtype = 'r'
           AND (a.grantee = 0 OR a.grantee IN (SELECT oid FROM held)
             OR pg_get_userbyid(a.grantee) = {system})
         GROUP BY d.defaclrole, d.defaclnamespace, who.name",
    ),
];
