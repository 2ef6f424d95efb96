//! The start check: does row-level security bind this login, and does it stand on every table?

use sqlx::Row;
use sqlx::postgres::{PgPool, PgRow};

use super::pool::Pool;
use super::unit::acquire_error;
use crate::entity::qualified_tenant_tables;
use crate::error::{Error, Result};

/// The roles that a login can act as: itself, and whatever it is a member of, through others too.
const HELD: &str = "
    WITH RECURSIVE held AS (
        SELECT oid, rolname, rolsuper, rolbypassrls FROM pg_roles
        WHERE rolname IN (session_user, current_user)
      UNION
        SELECT r.oid, r.rolname, r.rolsuper, r.rolbypassrls
        FROM held JOIN pg_auth_members m ON m.member = held.oid JOIN pg_roles r ON r.oid = m.roleid
    )";

/// The tables of tenant-aware entities, $1 being their schemas and $2 their names.
const TENANT_TABLES: &str = "
    (SELECT c.* FROM unnest($1::text[], $2::text[]) AS t (schema, name)
     JOIN pg_class c ON c.relname = t.name AND c.relkind IN ('r', 'p')
     JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = t.schema OR t.schema IS NULL AND pg_table_is_visible(c.oid)) AS c";

/// Runs the check. Nothing to do on SQLite.
pub async fn run(pool: &Pool) -> Result<()> {
    let Pool::Postgres { pool, persistent } = pool else {
        return Ok(());
    };
    let check = Check {
        pool,
        persistent: *persistent,
    };
    check.roles().await?;
    check.owners().await?;
    check.tables().await
}

struct Check<'p> {
    pool: &'p PgPool,
    persistent: bool,
}

impl Check<'_> {
    async fn roles(&self) -> Result<()> {
        let sql = format!(
            "{HELD} SELECT session_user::text, rolname::text, rolsuper FROM held \
             WHERE rolsuper OR rolbypassrls \
             ORDER BY rolname NOT IN (session_user, current_user), rolname"
        );
        let Some(row) = self.rows(sql, false).await?.into_iter().next() else {
            return Ok(());
        };
        let (login, role): (String, String) = (text(&row, 0)?, text(&row, 1)?);
        let superuser: bool = row.try_get(2).map_err(acquire_error)?;
        let attribute = if superuser { "SUPERUSER" } else { "BYPASSRLS" };
        Err(if login == role {
            Error::BypassesRls {
                reason: attribute.to_owned(),
                remedy: format!(
                    "connect as a role without SUPERUSER and BYPASSRLS, such as the one that \
                     `Roles::create` makes, or run `ALTER ROLE \"{role}\" NO{attribute}`"
                ),
                role: login,
            }
        } else {
            Error::BypassesRls {
                reason: format!("member of \"{role}\", which has {attribute}"),
                remedy: format!("run `REVOKE \"{role}\" FROM \"{login}\"`"),
                role: login,
            }
        })
    }

    async fn owners(&self) -> Result<()> {
        let sql = format!(
            "{HELD} SELECT session_user::text, held.rolname::text, c.oid::regclass::text \
             FROM {TENANT_TABLES} JOIN held ON held.oid = c.relowner \
             WHERE NOT c.relforcerowsecurity ORDER BY 3"
        );
        let Some(row) = self.rows(sql, true).await?.into_iter().next() else {
            return Ok(());
        };
        let (login, owner, table) = (text(&row, 0)?, text(&row, 1)?, text(&row, 2)?);
        let reason = if login == owner {
            format!("owner of {table}, which does not FORCE it")
        } else {
            format!("member of \"{owner}\", the owner of {table}, which does not FORCE it")
        };
        Err(Error::BypassesRls {
            role: login,
            reason,
            remedy: format!(
                "run `ALTER TABLE {table} FORCE ROW LEVEL SECURITY`, and connect as a role that \
                 owns no tables"
            ),
        })
    }

    async fn tables(&self) -> Result<()> {
        let sql = format!(
            "SELECT c.oid::regclass::text FROM {TENANT_TABLES} WHERE NOT c.relrowsecurity ORDER BY 1"
        );
        match self.rows(sql, true).await?.first() {
            None => Ok(()),
            Some(row) => Err(Error::Unprotected {
                table: text(row, 0)?,
                remedy: "call `rls::install` for its entity in a migration".to_owned(),
            }),
        }
    }

    async fn rows(&self, sql: String, about_tables: bool) -> Result<Vec<PgRow>> {
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).persistent(self.persistent);
        if about_tables {
            let (schemas, names): (Vec<_>, Vec<_>) = qualified_tenant_tables().unzip();
            query = query.bind(schemas).bind(names);
        }
        Ok(query.fetch_all(self.pool).await.map_err(acquire_error)?)
    }
}

fn text(row: &PgRow, column: usize) -> Result<String> {
    Ok(row.try_get(column).map_err(acquire_error)?)
}
