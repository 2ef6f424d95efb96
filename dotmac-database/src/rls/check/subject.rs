//! What is looked at: the tables of the program's tenant-aware entities, what hangs on them, the other
//! tables, and the roles, as SQL that every rule begins with.

use std::collections::BTreeSet;

use crate::context::{SchemaName, TENANT_SETTING};
use crate::entity::{Description, descriptions};
use crate::ident::{Include, literal};
use crate::rls::Roles;

/// The tables and roles that a check is about.
pub struct Subject<'r> {
    pub roles: &'r Roles,
    include: Include,
    preamble: String,
}

impl<'r> Subject<'r> {
    /// The tables of the entities that are linked into the program, and the others, as far as they are
    /// included.
    pub fn of_program(roles: &'r Roles, include: &Include) -> Self {
        // Several entities may be of one table.
        let wanted = descriptions().filter_map(row);
        Self::of(roles, include.clone(), wanted.collect())
    }

    /// The roles alone.
    pub fn of_roles(roles: &'r Roles) -> Self {
        Self::of(roles, Include::all(), BTreeSet::new())
    }

    fn of(roles: &'r Roles, include: Include, wanted: BTreeSet<String>) -> Self {
        let rows = match wanted.is_empty() {
            // Not one row, and yet a list of values.
            true => "SELECT NULL, NULL, NULL, NULL, false WHERE false".to_owned(),
            false => format!("VALUES {}", Vec::from_iter(wanted).join(", ")),
        };
        let preamble = PREAMBLE.replace("{rows}", &rows);
        Subject {
            roles,
            include,
            preamble,
        }
    }

    /// The query of a rule, with the tables and roles in it.
    pub fn query(&self, select: &str) -> String {
        let asks = format!("%{TENANT_SETTING}%");
        let include = |schema, table| self.include.table_condition(schema, table);
        format!("{}{select}", self.preamble)
            .replace("{application}", &literal(&self.roles.application))
            .replace("{migrator}", &literal(&self.roles.migrator))
            .replace("{system}", &literal(&self.roles.system))
            .replace("{owner}", &literal(&self.roles.owner))
            .replace("{asks}", &literal(&asks))
            .replace("{setting}", &literal(TENANT_SETTING))
            .replace("{tenant_prefix}", &literal(SchemaName::TENANT_PREFIX))
            .replace("{included}", &include("n.nspname", "c.relname"))
            .replace(
                "{expected}",
                &include("coalesce(w.schema, 'public')", "w.name"),
            )
    }
}

/// A tenant-aware entity. Its tenant's column tells the same of other tables that have it, unless it is the
/// key, as in a table of the tenants themselves.
fn row(entity: &Description) -> Option<String> {
    let tenant = entity.features.tenant?;
    let schema = entity.schema.as_deref();
    Some(format!(
        "({}::text, {}::text, {}::text, {}::text, {})",
        schema.map_or_else(|| "NULL".to_owned(), literal),
        literal(entity.table),
        literal(tenant.tenant_id),
        literal(tenant.kind.sql_type()),
        entity.primary_key != [tenant.tenant_id],
    ))
}

/// - `tables`: those of tenant-aware entities; where an entity names no schema, the one in the search path,
///   and those in all schemas of tenants.
/// - `guarded`: these, their partitions and heirs.
/// - `others`: all other tables, with what tells that their rows belong to tenants: the tenant's column, by
///   the name that an entity gives it; a foreign key to a guarded table; a schema of one tenant.
/// - `held`: what the application's role can act as.
/// - `open`: the others on which it has rights and no policies.
/// - `loose`: permissive policies of others than ours that ask for no tenant.
/// - `seeing`: the roles whose views and functions show all rows.
/// - `views`: what is made of the tables, also by way of other views.
const PREAMBLE: &str = "
WITH RECURSIVE wanted (schema, name, tenant, type, marks) AS ({rows}),
tables AS (
    SELECT c.oid, c.oid::regclass::text AS name, c.relname, c.relowner, c.relnamespace, c.relacl,
           c.relrowsecurity, c.relforcerowsecurity, w.schema AS wanted_schema, w.tenant, w.type
    FROM wanted w
    JOIN pg_class c ON c.relname = w.name AND c.relkind IN ('r', 'p')
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE (n.nspname = w.schema OR w.schema IS NULL
            AND (starts_with(n.nspname, {tenant_prefix}) OR pg_table_is_visible(c.oid)))
      AND {included}
),
heirs AS (
    SELECT i.inhrelid AS oid, t.name AS parent
    FROM tables t JOIN pg_inherits i ON i.inhparent = t.oid
  UNION
    SELECT i.inhrelid, h.parent FROM heirs h JOIN pg_inherits i ON i.inhparent = h.oid
),
guarded AS (SELECT oid FROM tables UNION SELECT oid FROM heirs),
others AS (
    SELECT c.oid, c.oid::regclass::text AS name, c.relkind, c.relowner, c.relnamespace,
           c.relrowsecurity, c.relforcerowsecurity, t.tenant, t.type, f.key, f.parent,
           starts_with(n.nspname, {tenant_prefix}) AS is_of_one
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN LATERAL (
        SELECT a.attname AS tenant, format_type(a.atttypid, NULL) AS type FROM pg_attribute a
        WHERE a.attrelid = c.oid AND NOT a.attisdropped AND a.attname IN (SELECT tenant FROM wanted WHERE marks)
        ORDER BY 1 LIMIT 1) AS t ON true
    LEFT JOIN LATERAL (
        SELECT k.conname AS key, k.confrelid::regclass::text AS parent FROM pg_constraint k
        WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.confrelid IN (SELECT oid FROM guarded)
        ORDER BY 1 LIMIT 1) AS f ON true
    WHERE c.relkind IN ('r', 'p', 'f') AND c.oid NOT IN (SELECT oid FROM guarded)
      AND {included}
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
        AND d.objid = c.oid AND d.deptype = 'e')
),
held AS (
    SELECT oid, rolname FROM pg_roles WHERE rolname = {application}
  UNION
    SELECT r.oid, r.rolname
    FROM held JOIN pg_auth_members m ON m.member = held.oid JOIN pg_roles r ON r.oid = m.roleid
),
open AS (
    SELECT o.*, format('the application has %s on it, and %s', r.rights, CASE WHEN o.relrowsecurity
            THEN 'policies do not bind its owner, which the application can act as'
            ELSE 'row-level security is off' END) AS why
    FROM others o
    CROSS JOIN LATERAL (
        SELECT string_agg(p.name, ', ') AS rights
        FROM unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) AS p (name)
        WHERE has_table_privilege({application}, o.oid, p.name)
           OR CASE WHEN p.name IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
                THEN has_any_column_privilege({application}, o.oid, p.name) END) AS r
    WHERE r.rights IS NOT NULL AND has_schema_privilege({application}, o.relnamespace, 'USAGE')
      AND (NOT o.relrowsecurity OR NOT o.relforcerowsecurity AND o.relowner IN (SELECT oid FROM held))
),
loose AS (
    SELECT p.polname, p.polrelid, p.polroles
    FROM pg_policy p
    WHERE p.polpermissive
      AND NOT (p.polname IN ('dotmac_tenant', 'dotmac_migrator', 'dotmac_system')
        AND p.polrelid IN (SELECT oid FROM tables))
      AND NOT (coalesce(pg_get_expr(p.polqual, p.polrelid), {asks}) LIKE {asks}
        AND coalesce(pg_get_expr(p.polwithcheck, p.polrelid), {asks}) LIKE {asks})
),
seeing AS (
    SELECT r.oid, r.rolname FROM pg_roles r
    WHERE r.rolsuper OR r.rolbypassrls OR pg_has_role(r.oid, {migrator}, 'USAGE')
       OR pg_has_role(r.oid, {system}, 'USAGE')
       OR EXISTS (SELECT FROM loose CROSS JOIN unnest(loose.polroles) AS role
            WHERE loose.polrelid IN (SELECT oid FROM guarded)
              AND role <> 0 AND pg_has_role(r.oid, role, 'USAGE'))
),
views AS (
    SELECT r.ev_class AS oid
    FROM guarded g
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = g.oid
        AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite r ON r.oid = d.objid AND r.ev_class <> g.oid
  UNION
    SELECT r.ev_class
    FROM views v
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = v.oid
        AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite r ON r.oid = d.objid AND r.ev_class <> v.oid
)
";
