//! Runs the rules, one query each.

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::finding::{Finding, Report, Severity};
use super::rule::{self, Rule};
use super::subject::Subject;
use crate::error::Result;
use crate::ident::Include;
use crate::rls::{Roles, postgres_only};

/// Looks for whatever lets rows cross tenants, in the tables of the tenant-aware entities that are
/// linked into the program, in the search path and in all schemas of tenants; in what is made of them; in
/// the tables that no such entity is of, as far as the application has rights on them; and in the roles.
///
/// Of `include`, the patterns of schemas and tables count; a missing table whose entity names no schema is
/// taken for one of `public` there. It only reads the catalog of PostgreSQL 14 or later, which every
/// role may, by some thirty queries. What it looks for is in the [guide](crate::guide::rls_check).
///
/// # Errors
/// [`Error::Unsupported`](crate::Error::Unsupported) on SQLite; the database's.
///
/// # Cancel safety
/// Safe at any point.
pub async fn check<C: ConnectionTrait>(db: &C, roles: &Roles, include: &Include) -> Result<Report> {
    postgres_only(db, "row-level security")?;
    let subject = Subject::of_program(roles, include);
    // The other rules ask for the rights of these roles, which is an error where there is none.
    let missing = run(&rule::role::MISSING, &subject, db).await?;
    if !missing.is_empty() {
        return Ok(Report::of(missing));
    }
    let mut findings = Vec::new();
    for rule in rule::all() {
        findings.extend(run(rule, &subject, db).await?);
    }
    findings.extend(rule::policy::differing(&subject, db).await?);
    findings.extend(rule::server::outdated(db).await?);
    Ok(Report::of(findings))
}

impl Roles {
    /// How the roles differ from what [`create`](Self::create) makes, each with the SQL that mends it:
    /// the rules `role-…` and `default-privileges` of [`check`], without a look at tables.
    ///
    /// # Errors
    /// As [`check`].
    ///
    /// # Cancel safety
    /// Safe at any point.
    pub async fn differences<C: ConnectionTrait>(&self, db: &C) -> Result<Report> {
        postgres_only(db, "roles")?;
        let subject = Subject::of_roles(self);
        let mut findings = run(&rule::role::MISSING, &subject, db).await?;
        if findings.is_empty() {
            for rule in &rule::role::RULES {
                findings.extend(run(rule, &subject, db).await?);
            }
        }
        Ok(Report::of(findings))
    }
}

async fn run<C: ConnectionTrait>(
    rule: &Rule,
    subject: &Subject<'_>,
    db: &C,
) -> Result<Vec<Finding>> {
    let sql = subject.query(rule.select);
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let mut findings = Vec::new();
    for row in db.query_all_raw(statement).await? {
        let severity = match rule.severity {
            Some(severity) => severity,
            None => severity_of(&row.try_get::<String>("", "severity")?),
        };
        findings.push(Finding {
            severity,
            rule: rule.name,
            object: row.try_get("", "object")?,
            why: row.try_get("", "why")?,
            remedy: row.try_get("", "remedy")?,
            installed: rule.installed,
        });
    }
    Ok(findings)
}

fn severity_of(text: &str) -> Severity {
    match text {
        "advice" => Severity::Advice,
        "warning" => Severity::Warning,
        _ => Severity::Danger,
    }
}
