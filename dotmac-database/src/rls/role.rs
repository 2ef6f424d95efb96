//! The roles of a database, with the least that each needs.

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::table::postgres_only;
use crate::error::{Error, Result};
use crate::ident::{literal, quote};

/// The names of the roles that a database is used by.
///
/// | role | login | can |
/// |---|---|---|
/// | `owner` | no | own the tables |
/// | `migrator` | yes | change the schema as a member of the owner, make schemas, and see all rows by a policy |
/// | `application` | yes | DML on rows that policies show it; no TRUNCATE, REFERENCES, TRIGGER, TEMP |
/// | `system` | yes | DML on the rows of all tenants, by a policy |
///
/// The start check refuses the migrator and the system role as the program's login; work across tenants
/// is [`Database::system`](crate::Database::system).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles {
    /// Owns the tables; without login.
    pub owner: String,
    /// Runs migrations.
    pub migrator: String,
    /// The application's login.
    pub application: String,
    /// The login for work across tenants.
    pub system: String,
}

/// A role that logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// Runs migrations.
    Migrator,
    /// The application.
    Application,
    /// Work across tenants.
    System,
}

impl Roles {
    /// `<prefix>_owner`, `<prefix>_migrator`, `<prefix>_app`, `<prefix>_system`.
    pub fn with_prefix(prefix: &str) -> Self {
        Roles {
            owner: format!("{prefix}_owner"),
            migrator: format!("{prefix}_migrator"),
            application: format!("{prefix}_app"),
            system: format!("{prefix}_system"),
        }
    }

    /// The roles of the connected database: the prefix is its name, because roles are shared by all
    /// databases of a server.
    ///
    /// # Errors
    /// [`Error::Unsupported`] on SQLite; the connection's.
    pub async fn of_database<C: ConnectionTrait>(db: &C) -> Result<Self> {
        postgres_only(db, "roles")?;
        let sql = "SELECT current_database()::text AS name";
        let name: Option<String> = one(db, sql, "name").await?;
        Ok(Self::with_prefix(&name.unwrap_or_default()))
    }

    /// The name of a login.
    pub fn login(&self, login: Login) -> &str {
        match login {
            Login::Migrator => &self.migrator,
            Login::Application => &self.application,
            Login::System => &self.system,
        }
    }

    /// Creates what is missing of the roles, and gives them their rights on the current database and
    /// schema. Can be run again. The logins have no password until [`set_password`](Self::set_password).
    ///
    /// Roles that exist are adopted: they get the rights that they lack, and rights of the application on
    /// tables that are made later are taken back, because [`install`](crate::rls::install) gives them once
    /// policies stand. A role that policies do not bind is refused, not altered: it may be somebody's.
    /// [`differences`](Self::differences) tells what else is not as it would be made.
    ///
    /// This takes CREATEROLE, and the ownership of the database. Connected without CREATEROLE, as
    /// migrations are, it only makes sure that all roles exist.
    ///
    /// # Errors
    /// [`Error::Unsupported`] on SQLite; [`Error::MissingRole`] where a role is missing that the
    /// connected one may not create; [`Error::BypassesRls`] for an existing role with SUPERUSER,
    /// BYPASSRLS, CREATEROLE or REPLICATION; the database's.
    pub async fn create<C: ConnectionTrait>(&self, db: &C) -> Result<()> {
        postgres_only(db, "roles")?;
        let may_create = "SELECT rolname::text AS name FROM pg_roles \
             WHERE rolname = current_user AND (rolsuper OR rolcreaterole)";
        let may_create = one(db, may_create, "name").await?.is_some();
        for (role, login) in self.all() {
            if exists(db, role).await? {
                refuse_strong(db, role).await?;
            } else {
                if !may_create {
                    return Err(Error::MissingRole {
                        role: role.to_owned(),
                    });
                }
                let login = if login { "LOGIN" } else { "NOLOGIN" };
                db.execute_unprepared(&format!(
                    "CREATE ROLE {} {login} NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE \
                     NOREPLICATION",
                    quote(role),
                ))
                .await?;
            }
        }
        if !may_create {
            return Ok(());
        }
        let database: Option<String> =
            one(db, "SELECT current_database()::text AS name", "name").await?;
        let schema: Option<String> =
            one(db, "SELECT current_schema()::text AS name", "name").await?;
        let schema = quote(schema.as_deref().unwrap_or("public"));
        let (owner, migrator) = (quote(&self.owner), quote(&self.migrator));
        let (application, system) = (quote(&self.application), quote(&self.system));
        // PUBLIC may make temporary tables by default, which would meet a connection's next user, and
        // before PostgreSQL 15 functions in `public`, which would run before a policy.
        db.execute_unprepared(&format!(
            "GRANT {owner} TO {migrator};\
             GRANT USAGE, CREATE ON SCHEMA {schema} TO {owner}, {migrator};\
             GRANT USAGE ON SCHEMA {schema} TO {application}, {system};\
             REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC;\
             REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC;\
             GRANT CONNECT ON DATABASE {database} TO {migrator}, {application}, {system};\
             GRANT CREATE ON DATABASE {database} TO {migrator};",
            database = quote(database.as_deref().unwrap_or_default()),
        ))
        .await?;
        self.take_back_default_privileges(db).await
    }

    // Those that somebody gave before: PostgreSQL itself gives none on tables.
    async fn take_back_default_privileges<C: ConnectionTrait>(&self, db: &C) -> Result<()> {
        let report = self.differences(db).await?;
        let given = report.findings.iter();
        for finding in given.filter(|it| it.rule == "default-privileges") {
            db.execute_unprepared(&finding.remedy).await?;
        }
        Ok(())
    }

    /// Makes sure that all of them exist.
    ///
    /// # Errors
    /// [`Error::Unsupported`] on SQLite; [`Error::MissingRole`]; the database's.
    pub(crate) async fn verify<C: ConnectionTrait>(&self, db: &C) -> Result<()> {
        postgres_only(db, "roles")?;
        for (role, _) in self.all() {
            if !exists(db, role).await? {
                return Err(Error::MissingRole {
                    role: role.to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Gives a login its password.
    ///
    /// PostgreSQL may log the statement: prefer `\password` of psql, or a verifier, in production.
    ///
    /// # Errors
    /// [`Error::Unsupported`] on SQLite; the database's.
    pub async fn set_password<C: ConnectionTrait>(
        &self,
        db: &C,
        login: Login,
        password: &str,
    ) -> Result<()> {
        postgres_only(db, "roles")?;
        if password.contains('\0') {
            return Err(Error::Config {
                variable: "password",
                reason: "holds NUL".to_owned(),
            });
        }
        let role = quote(self.login(login));
        db.execute_unprepared(&format!("ALTER ROLE {role} PASSWORD {}", literal(password)))
            .await?;
        Ok(())
    }

    /// Removes the roles with their rights in the current database, default privileges included. What
    /// they own in it stays, and belongs to the connected role from then on. PUBLIC does not get back the
    /// right to make temporary tables that [`create`](Self::create) took.
    ///
    /// # Errors
    /// The database's, for instance where a role owns something in another database.
    pub async fn drop<C: ConnectionTrait>(&self, db: &C) -> Result<()> {
        postgres_only(db, "roles")?;
        for (role, _) in self.all() {
            if !exists(db, role).await? {
                continue;
            }
            let quoted = quote(role);
            if is_used(db, role).await? {
                db.execute_unprepared(&format!(
                    "REASSIGN OWNED BY {quoted} TO CURRENT_USER;DROP OWNED BY {quoted};"
                ))
                .await?;
            }
            db.execute_unprepared(&format!("DROP ROLE {quoted}"))
                .await?;
        }
        Ok(())
    }

    /// The roles, and whether each logs in.
    fn all(&self) -> [(&str, bool); 4] {
        [
            (&self.owner, false),
            (&self.migrator, true),
            (&self.application, true),
            (&self.system, true),
        ]
    }
}

async fn refuse_strong<C: ConnectionTrait>(db: &C, role: &str) -> Result<()> {
    let sql = format!(
        "SELECT concat_ws(', ', CASE WHEN rolsuper THEN 'SUPERUSER' END, \
           CASE WHEN rolbypassrls THEN 'BYPASSRLS' END, CASE WHEN rolcreaterole THEN 'CREATEROLE' END, \
           CASE WHEN rolreplication THEN 'REPLICATION' END) AS name \
         FROM pg_roles WHERE rolname = {}",
        literal(role),
    );
    let reason: Option<String> = one(db, &sql, "name").await?;
    match reason.filter(|reason| !reason.is_empty()) {
        None => Ok(()),
        Some(reason) => Err(Error::BypassesRls {
            remedy: format!(
                "take another name, or run `ALTER ROLE {} NO{}`",
                quote(role),
                reason.replace(", ", " NO"),
            ),
            role: role.to_owned(),
            reason,
        }),
    }
}

async fn exists<C: ConnectionTrait>(db: &C, role: &str) -> Result<bool> {
    let sql = format!(
        "SELECT rolname::text AS name FROM pg_roles WHERE rolname = {}",
        literal(role),
    );
    let found: Option<String> = one(db, &sql, "name").await?;
    Ok(found.is_some())
}

/// Whether something in the current database belongs to the role or gives it a right.
async fn is_used<C: ConnectionTrait>(db: &C, role: &str) -> Result<bool> {
    let sql = format!(
        "SELECT r.rolname::text AS name FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid \
         WHERE r.rolname = {} AND d.refclassid = 'pg_authid'::regclass AND d.dbid IN \
         (0, (SELECT oid FROM pg_database WHERE datname = current_database())) LIMIT 1",
        literal(role),
    );
    Ok(one(db, &sql, "name").await?.is_some())
}

async fn one<C: ConnectionTrait>(db: &C, sql: &str, column: &str) -> Result<Option<String>> {
    let row = db
        .query_one_raw(Statement::from_string(DbBackend::Postgres, sql))
        .await?;
    Ok(row.map(|row| row.try_get("", column)).transpose()?)
}
