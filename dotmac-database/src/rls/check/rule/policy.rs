//! Policies: ours against the generated ones, and those of others.

use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};

use super::list::Rule;
use crate::error::Result;
use crate::ident::{literal, quote};
use crate::rls::check::Severity::{Danger, Warning};
use crate::rls::check::expression::{generated, same};
use crate::rls::check::finding::Finding;
use crate::rls::check::subject::Subject;

pub const RULES: [Rule; 3] = [
    Rule::installed(
        "policy-missing",
        Warning,
        "SELECT format('%s on %s', p.name, t.name) AS object,
            'the policy is missing: whom it is for sees no rows' AS why,
            format('-- Run `rls::install` for the entity of %s in a migration.', t.name) AS remedy
         FROM tables t
         CROSS JOIN (VALUES ('dotmac_tenant'), ('dotmac_migrator'), ('dotmac_system')) AS p (name)
         WHERE NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = t.oid AND polname = p.name)",
    ),
    // Permissive policies add up.
    Rule::judging(
        "policy-extra",
        "SELECT format('%I on %s', p.polname, p.polrelid::regclass) AS object,
            CASE WHEN l.polname IS NULL THEN 'warning' ELSE 'danger' END AS severity,
            CASE WHEN l.polname IS NULL THEN 'a second permissive policy adds rows to those of the tenant''s'
                 ELSE 'the policy holds for the application and asks for no tenant: it adds all that \
                       it names to the tenant''s rows' END AS why,
            format('-- Decide: who needs it? A RESTRICTIVE policy takes rows away instead.'
                || chr(10) || 'DROP POLICY %I ON %s;', p.polname, p.polrelid::regclass) AS remedy
         FROM pg_policy p
         LEFT JOIN loose l ON (l.polrelid, l.polname) = (p.polrelid, p.polname)
         WHERE p.polrelid IN (SELECT oid FROM guarded) AND p.polpermissive
           AND NOT (p.polname IN ('dotmac_tenant', 'dotmac_migrator', 'dotmac_system')
                AND p.polrelid IN (SELECT oid FROM tables))
           AND (0 = ANY (p.polroles) OR EXISTS (SELECT FROM held WHERE oid = ANY (p.polroles)))",
    ),
    Rule::judging(
        "policy-function",
        "SELECT f.oid::regprocedure::text AS object,
            CASE f.provolatile WHEN 'i' THEN 'danger' ELSE 'advice' END AS severity,
            format(CASE f.provolatile
                WHEN 'i' THEN 'the policy %I on %s asks it, and it is IMMUTABLE: a kept plan shows the \
                               rows of the tenant that it was made for'
                ELSE 'the policy %I on %s asks it for each row, because it is VOLATILE' END,
                p.polname, p.polrelid::regclass) AS why,
            format('ALTER FUNCTION %s STABLE;', f.oid::regprocedure) AS remedy
         FROM pg_policy p
         JOIN pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid
            AND d.refclassid = 'pg_proc'::regclass
         JOIN pg_proc f ON f.oid = d.refobjid
         WHERE p.polrelid IN (SELECT oid FROM guarded) AND f.provolatile <> 's'",
    ),
];

const OURS: &str = "
    SELECT t.name AS table, t.tenant, t.type, p.polname::text AS policy, p.polpermissive,
        p.polcmd::text AS command, pg_get_expr(p.polqual, p.polrelid) AS reads,
        pg_get_expr(p.polwithcheck, p.polrelid) AS writes,
        (SELECT string_agg(pg_get_userbyid(role), ', ' ORDER BY role) FROM unnest(p.polroles) role)
          AS roles
    FROM tables t JOIN pg_policy p ON p.polrelid = t.oid
    WHERE p.polname IN ('dotmac_tenant', 'dotmac_migrator', 'dotmac_system')";

/// Policies of ours that are not what `install` makes.
pub async fn differing<C: ConnectionTrait>(subject: &Subject<'_>, db: &C) -> Result<Vec<Finding>> {
    let statement = Statement::from_string(DbBackend::Postgres, subject.query(OURS));
    let mut findings = Vec::new();
    for row in db.query_all_raw(statement).await? {
        let found = Policy::read(&row)?;
        if let Some(why) = found.difference(subject) {
            findings.push(Finding {
                severity: Danger,
                rule: "policy-differs",
                object: format!("{} on {}", found.name, found.table),
                why,
                remedy: found.remedy(subject),
                installed: true,
            });
        }
    }
    Ok(findings)
}

struct Policy {
    table: String,
    tenant: String,
    sql_type: String,
    name: String,
    permissive: bool,
    command: String,
    reads: Option<String>,
    writes: Option<String>,
    roles: Option<String>,
}

impl Policy {
    fn read(row: &QueryResult) -> Result<Self> {
        Ok(Policy {
            table: row.try_get("", "table")?,
            tenant: row.try_get("", "tenant")?,
            sql_type: row.try_get("", "type")?,
            name: row.try_get("", "policy")?,
            permissive: row.try_get("", "polpermissive")?,
            command: row.try_get("", "command")?,
            reads: row.try_get("", "reads")?,
            writes: row.try_get("", "writes")?,
            roles: row.try_get("", "roles")?,
        })
    }

    /// How it differs from the generated one, the first of several ways.
    fn difference(&self, subject: &Subject<'_>) -> Option<String> {
        let role = self.role(subject);
        if self.roles.as_deref() != Some(role) {
            let roles = self.roles.as_deref().unwrap_or("PUBLIC");
            return Some(format!("it is for {roles}, and should be for {role} alone"));
        }
        if !self.permissive {
            return Some("it is RESTRICTIVE: alone it shows nothing".to_owned());
        }
        if self.command != "*" {
            return Some("it does not hold for all commands".to_owned());
        }
        let is_wanted = |found: &Option<String>| match self.name.as_str() {
            "dotmac_tenant" => found.as_deref().is_some_and(|found| self.asks(found)),
            _ => found.as_deref() == Some("true"),
        };
        if !is_wanted(&self.reads) {
            return Some(differs("USING", &self.reads));
        }
        // Without WITH CHECK, USING stands for it.
        if self.writes.is_some() && !is_wanted(&self.writes) {
            return Some(differs("WITH CHECK", &self.writes));
        }
        None
    }

    fn asks(&self, found: &str) -> bool {
        // The server quotes where it must.
        [self.tenant.clone(), quote(&self.tenant)]
            .iter()
            .any(|column| same(found, &generated(column, &self.sql_type)))
    }

    fn role<'s>(&self, subject: &'s Subject<'_>) -> &'s str {
        match self.name.as_str() {
            "dotmac_tenant" => &subject.roles.application,
            "dotmac_migrator" => &subject.roles.migrator,
            _ => &subject.roles.system,
        }
    }

    fn remedy(&self, subject: &Subject<'_>) -> String {
        let condition = match self.name.as_str() {
            "dotmac_tenant" => format!(
                "{} = (select nullif(current_setting({}, true), '')::{})",
                quote(&self.tenant),
                literal(crate::context::TENANT_SETTING),
                self.sql_type,
            ),
            _ => "true".to_owned(),
        };
        format!(
            "DROP POLICY {name} ON {table};\n\
             CREATE POLICY {name} ON {table} TO {role} USING ({condition}) WITH CHECK ({condition});",
            name = self.name,
            table = self.table,
            role = quote(self.role(subject)),
        )
    }
}

fn differs(clause: &str, found: &Option<String>) -> String {
    let found = found.as_deref().unwrap_or("missing");
    format!("its {clause} is not the generated one, but {found}")
}
