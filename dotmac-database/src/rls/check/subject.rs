//! What is looked at: the tables of the program's tenant-aware entities, what hangs on them, and the
//! roles, as SQL that every rule begins with.

use std::collections::BTreeSet;

use crate::context::TenantKind;
use crate::entity::descriptions;
use crate::ident::{Include, literal};
use crate::rls::Roles;

/// The tables and roles that a check is about.
pub struct Subject<'r> {
    pub roles: &'r Roles,
    preamble: String,
}

impl<'r> Subject<'r> {
    /// The tables of the entities that are linked into the program, as far as they are included.
    pub fn of_program(roles: &'r Roles, include: &Include) -> Self {
        // Several entities may be of one table.
        let wanted: BTreeSet<String> = descriptions()
            .filter(|it| include.has_table(it.schema.as_deref().unwrap_or("public"), it.table))
            .filter_map(|entity| {
                let tenant = entity.features.tenant?;
                let schema = entity.schema.as_deref();
                Some(row(schema, entity.table, tenant.tenant_id, tenant.kind))
            })
            .collect();
        Self::of(roles, wanted)
    }

    /// The roles alone.
    pub fn of_roles(roles: &'r Roles) -> Self {
        Self::of(roles, BTreeSet::new())
    }

    fn of(roles: &'r Roles, wanted: BTreeSet<String>) -> Self {
        let rows = match wanted.is_empty() {
            // Not one row, and yet a list of values.
            true => "SELECT NULL::text, NULL::text, NULL::text, NULL::text WHERE false".to_owned(),
            false => format!("VALUES {}", Vec::from_iter(wanted).join(", ")),
        };
        Subject {
            roles,
            preamble: PREAMBLE
                .replace("{rows}", &rows)
                .replace("{application}", &literal(&roles.application))
                .replace("{migrator}", &literal(&roles.migrator))
                .replace("{system}", &literal(&roles.system)),
        }
    }

    /// The query of a rule, with the tables and roles in it.
    pub fn query(&self, select: &str) -> String {
        let select = select
            .replace("{application}", &literal(&self.roles.application))
            .replace("{migrator}", &literal(&self.roles.migrator))
            .replace("{system}", &literal(&self.roles.system))
            .replace("{owner}", &literal(&self.roles.owner));
        format!("{}{select}", self.preamble)
    }
}

fn row(schema: Option<&str>, table: &str, tenant: &str, kind: TenantKind) -> String {
    let schema = schema.map_or_else(|| "NULL".to_owned(), literal);
    format!(
        "({schema}::text, {}::text, {}::text, {}::text)",
        literal(table),
        literal(tenant),
        literal(kind.sql_type()),
    )
}

/// - `tables`: those of tenant-aware entities; `guarded`: these, their partitions and heirs.
/// - `held`: what the application's role can act as.
/// - `seeing`: the roles whose views and functions show all rows.
/// - `views`: what is made of the tables, also by way of other views.
const PREAMBLE: &str = "
WITH RECURSIVE wanted (schema, name, tenant, type) AS ({rows}),
tables AS (
    SELECT c.oid, c.oid::regclass::text AS name, c.relowner, c.relnamespace, c.relacl,
           c.relrowsecurity, c.relforcerowsecurity, w.tenant, w.type
    FROM wanted w
    JOIN pg_class c ON c.relname = w.name AND c.relkind IN ('r', 'p')
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = w.schema OR w.schema IS NULL AND pg_table_is_visible(c.oid)
),
heirs AS (
    SELECT i.inhrelid AS oid, t.name AS parent
    FROM tables t JOIN pg_inherits i ON i.inhparent = t.oid
  UNION
    SELECT i.inhrelid, h.parent FROM heirs h JOIN pg_inherits i ON i.inhparent = h.oid
),
guarded AS (SELECT oid FROM tables UNION SELECT oid FROM heirs),
held AS (
    SELECT oid, rolname FROM pg_roles WHERE rolname = {application}
  UNION
    SELECT r.oid, r.rolname
    FROM held JOIN pg_auth_members m ON m.member = held.oid JOIN pg_roles r ON r.oid = m.roleid
),
seeing AS (
    SELECT oid, rolname FROM pg_roles
    WHERE rolsuper OR rolbypassrls OR pg_has_role(oid, {migrator}, 'USAGE')
       OR pg_has_role(oid, {system}, 'USAGE')
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
