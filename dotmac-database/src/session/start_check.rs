//! The start check: does row-level security bind this login, and does it stand on every table?

use sea_orm::{DbBackend, DbErr, QueryResult};
use sqlx::{AssertSqlSafe, PgConnection};

use super::pool::Pool;
use super::slot::Slot;
use super::unit::{acquire_error, query_error};
use super::wire::Wire;
use crate::config::Tenancy;
use crate::context::{SchemaName, TENANT_SETTING};
use crate::entity::qualified_tenant_tables;
use crate::error::{Error, Result, TenancyError};
use crate::ident::literal;

/// The roles that a login can act as: itself, and whatever it is a member of, through others too.
const HELD: &str = "
    WITH RECURSIVE held AS (
        SELECT oid, rolname, rolsuper, rolbypassrls, rolcreaterole, rolreplication FROM pg_roles
        WHERE rolname IN (session_user, current_user)
      UNION
        SELECT r.oid, r.rolname, r.rolsuper, r.rolbypassrls, r.rolcreaterole, r.rolreplication
        FROM held JOIN pg_auth_members m ON m.member = held.oid JOIN pg_roles r ON r.oid = m.roleid
    )";

/// Runs the check, in one transaction: behind PgBouncer, each would otherwise meet another server.
/// Nothing to do on SQLite.
pub async fn run(pool: &Pool, tenancy: &Tenancy) -> Result<()> {
    let mut slot = Slot::default();
    let Some(connection) = hold(&mut slot, pool).await? else {
        return Ok(());
    };
    let mut check = Check::begin(connection, tenancy).await?;
    check.of_application(tenancy).await
}

/// The same, on a connection that belongs to no pool.
pub async fn run_on(connection: &mut PgConnection, tenancy: &Tenancy) -> Result<()> {
    let mut check = Check::begin(connection, tenancy).await?;
    let checked = check.of_application(tenancy).await;
    let ended = check.send("ROLLBACK").await;
    checked.and(ended)
}

/// The check of the system login: policies show it all rows, and nothing else does.
pub async fn run_for_system(pool: &Pool, tenancy: &Tenancy) -> Result<()> {
    let mut slot = Slot::default();
    let Some(connection) = hold(&mut slot, pool).await? else {
        return Ok(());
    };
    let mut check = Check::begin(connection, tenancy).await?;
    check.roles().await?;
    check.owns_nothing().await?;
    check.sees_all().await
}

/// A connection of the pool, whose transaction is rolled back with the slot.
async fn hold<'s>(slot: &'s mut Slot, pool: &Pool) -> Result<Option<&'s mut PgConnection>> {
    if pool.backend() != DbBackend::Postgres {
        return Ok(None);
    }
    let wire = pool.acquire().await.map_err(acquire_error)?;
    Ok(match slot.hold(wire).0 {
        Wire::Postgres { connection, .. } => Some(connection),
        Wire::Sqlite { .. } => None,
    })
}

/// The tables of tenant-aware entities, as the alias `c` of `pg_class`: those that sessions find without
/// being told a schema, in the search path of the login, or in all that sessions set.
fn tables(tenancy: &Tenancy) -> String {
    let found = match tenancy {
        Tenancy::Schemas(path) => {
            let prefix = literal(SchemaName::TENANT_PREFIX);
            let shared = path.shared().map(|schema| format!(", {}", literal(schema)));
            format!(
                "(starts_with(n.nspname, {prefix}) OR n.nspname IN (NULL{}))",
                shared.collect::<String>(),
            )
        }
        Tenancy::Rows => "pg_table_is_visible(c.oid)".to_owned(),
    };
    let rows: Vec<String> = qualified_tenant_tables()
        .map(|(schema, name)| {
            let schema = schema.map_or_else(|| "NULL".to_owned(), literal);
            format!("({schema}, {})", literal(name))
        })
        .collect();
    let rows = match rows.is_empty() {
        true => "(NULL, NULL)".to_owned(),
        false => rows.join(", "),
    };
    format!(
        "(SELECT c.* FROM (VALUES {rows}) AS t (schema, name) \
         JOIN pg_class c ON c.relname = t.name::text AND c.relkind IN ('r', 'p') \
         JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = t.schema::text \
            OR t.schema IS NULL AND {found}) AS c"
    )
}

struct Check<'c> {
    connection: &'c mut PgConnection,
    tables: String,
}

impl<'c> Check<'c> {
    async fn begin(connection: &'c mut PgConnection, tenancy: &Tenancy) -> Result<Self> {
        let tables = tables(tenancy);
        let mut check = Check { connection, tables };
        check.send("BEGIN READ ONLY").await?;
        Ok(check)
    }

    async fn of_application(&mut self, tenancy: &Tenancy) -> Result<()> {
        self.roles().await?;
        self.schemas(tenancy).await?;
        self.owners().await?;
        self.policies().await?;
        self.unprotected().await
    }

    // REPLICATION reads what others write in the write-ahead log, by functions of plain SQL.
    async fn roles(&mut self) -> Result<()> {
        let sql = format!(
            "{HELD} SELECT session_user::text AS login, rolname::text AS role, \
               CASE WHEN rolsuper THEN 'SUPERUSER' WHEN rolbypassrls THEN 'BYPASSRLS' \
                    WHEN rolcreaterole THEN 'CREATEROLE' \
                    WHEN rolreplication THEN 'REPLICATION' ELSE '' END AS attribute \
             FROM held WHERE rolsuper OR rolbypassrls OR rolcreaterole OR rolreplication \
               OR rolname IN ('pg_execute_server_program', 'pg_read_server_files', \
                              'pg_write_server_files') \
             ORDER BY rolname NOT IN (session_user, current_user), rolname"
        );
        let Some(row) = self.first(&sql).await? else {
            return Ok(());
        };
        let (login, role, attribute) = (
            text(&row, "login")?,
            text(&row, "role")?,
            text(&row, "attribute")?,
        );
        Err(if login == role {
            Error::BypassesRls {
                remedy: format!(
                    "connect as a role without SUPERUSER, BYPASSRLS, CREATEROLE and REPLICATION, such \
                     as the one that `Roles::create` makes, or run `ALTER ROLE \"{role}\" NO{attribute}`"
                ),
                role: login,
                reason: attribute,
            }
        } else {
            Error::BypassesRls {
                reason: match attribute.as_str() {
                    "" => format!("member of \"{role}\""),
                    _ => format!("member of \"{role}\", which has {attribute}"),
                },
                remedy: format!("run `REVOKE \"{role}\" FROM \"{login}\"`"),
                role: login,
            }
        })
    }

    // Without them, every session would fail.
    async fn schemas(&mut self, tenancy: &Tenancy) -> Result<()> {
        let Tenancy::Schemas(path) = tenancy else {
            return Ok(());
        };
        let rows: Vec<String> = path
            .shared()
            .map(|it| format!("({})", literal(it)))
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "SELECT t.name FROM (VALUES {}) AS t (name) LEFT JOIN pg_namespace n ON n.nspname = t.name \
             WHERE NOT coalesce(has_schema_privilege(n.oid, 'USAGE'), false) ORDER BY 1",
            rows.join(", "),
        );
        match self.first(&sql).await? {
            None => Ok(()),
            Some(row) => Err(TenancyError::UnknownSchema {
                schema: text(&row, "name")?,
            }
            .into()),
        }
    }

    async fn owners(&mut self) -> Result<()> {
        let sql = format!(
            "{HELD} SELECT session_user::text AS login, held.rolname::text AS owner, \
               c.oid::regclass::text AS table \
             FROM {} JOIN held ON held.oid = c.relowner \
             WHERE NOT c.relforcerowsecurity ORDER BY 3",
            self.tables,
        );
        let Some(row) = self.first(&sql).await? else {
            return Ok(());
        };
        let (login, owner, table) = (
            text(&row, "login")?,
            text(&row, "owner")?,
            text(&row, "table")?,
        );
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

    // Permissive policies add up: one that does not ask for the tenant shows all rows.
    async fn policies(&mut self) -> Result<()> {
        let setting = literal(&format!("%{TENANT_SETTING}%"));
        let sql = format!(
            "{HELD} SELECT session_user::text AS login, p.polname::text AS policy, \
               c.oid::regclass::text AS table \
             FROM {} JOIN pg_policy p ON p.polrelid = c.oid \
             WHERE p.polpermissive \
               AND (0 = ANY (p.polroles) OR EXISTS (SELECT FROM held WHERE oid = ANY (p.polroles))) \
               AND (pg_get_expr(p.polqual, p.polrelid) NOT LIKE {setting} \
                 OR pg_get_expr(p.polwithcheck, p.polrelid) NOT LIKE {setting}) \
             ORDER BY 3, 2",
            self.tables,
        );
        let Some(row) = self.first(&sql).await? else {
            return Ok(());
        };
        let (login, policy, table) = (
            text(&row, "login")?,
            text(&row, "policy")?,
            text(&row, "table")?,
        );
        Err(Error::BypassesRls {
            role: login,
            reason: format!("policy \"{policy}\" on {table} holds for it and asks for no tenant"),
            remedy: format!(
                "connect as the application's role, or run `DROP POLICY \"{policy}\" ON {table}`"
            ),
        })
    }

    async fn unprotected(&mut self) -> Result<()> {
        let sql = format!(
            "SELECT c.oid::regclass::text AS table FROM {} WHERE NOT c.relrowsecurity ORDER BY 1",
            self.tables,
        );
        match self.first(&sql).await? {
            None => Ok(()),
            Some(row) => Err(Error::Unprotected {
                table: text(&row, "table")?,
                remedy: "call `rls::install` for its entity in a migration".to_owned(),
            }),
        }
    }

    // The migrator sees all rows too, and can change their tables.
    async fn owns_nothing(&mut self) -> Result<()> {
        let sql = format!(
            "{HELD} SELECT session_user::text AS login, c.oid::regclass::text AS table \
             FROM {} JOIN held ON held.oid = c.relowner ORDER BY 2",
            self.tables,
        );
        match self.first(&sql).await? {
            None => Ok(()),
            Some(row) => Err(Error::Config {
                variable: "SYSTEM_DATABASE_URL",
                reason: format!(
                    "is the login of \"{}\", which can act as the owner of {}: connect as the system \
                     role that `Roles::create` makes",
                    text(&row, "login")?,
                    text(&row, "table")?,
                ),
            }),
        }
    }

    // A login without such a policy would do its work on no rows, and tell nobody.
    async fn sees_all(&mut self) -> Result<()> {
        let sql = format!(
            "{HELD} SELECT session_user::text AS login, c.oid::regclass::text AS table \
             FROM {} WHERE NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid \
               AND p.polpermissive AND p.polcmd = '*' \
               AND pg_get_expr(p.polqual, p.polrelid) = 'true' \
               AND EXISTS (SELECT FROM held WHERE oid = ANY (p.polroles))) \
             ORDER BY 2",
            self.tables,
        );
        match self.first(&sql).await? {
            None => Ok(()),
            Some(row) => Err(Error::Config {
                variable: "SYSTEM_DATABASE_URL",
                reason: format!(
                    "is the login of \"{}\", whom no policy shows the rows of {}: connect as the \
                     system role that `Roles::create` makes",
                    text(&row, "login")?,
                    text(&row, "table")?,
                ),
            }),
        }
    }

    async fn first(&mut self, sql: &str) -> Result<Option<QueryResult>> {
        let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut *self.connection);
        let rows = rows
            .await
            .map_err(|error| query_error(error, DbErr::Query))?;
        Ok(rows.into_iter().next().map(Into::into))
    }

    async fn send(&mut self, sql: &str) -> Result<()> {
        let sent = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *self.connection);
        sent.await
            .map_err(|error| query_error(error, DbErr::Query))?;
        Ok(())
    }
}

fn text(row: &QueryResult, column: &str) -> Result<String> {
    Ok(row.try_get("", column)?)
}
