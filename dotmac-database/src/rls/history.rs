//! `Roles::show_migrations`: the application may see which migrations have run.

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::role::Roles;
use super::table::postgres_only;
use crate::error::Result;
use crate::ident::{literal, quote};

impl Roles {
    /// Lets the application read the table in which migrations are remembered, as a readiness check does;
    /// nothing where it may already, and where role or table do not exist.
    ///
    /// A [`Runner`](crate::migrate::Runner) does it after each run.
    ///
    /// # Errors
    /// [`Error::Unsupported`](crate::Error::Unsupported) on SQLite; the database's, for instance where the
    /// table is somebody else's.
    pub async fn show_migrations<C: ConnectionTrait>(&self, table: &str, db: &C) -> Result<()> {
        postgres_only(db, "roles")?;
        let table = quote(table);
        let sql = format!(
            "SELECT 1 FROM pg_roles, to_regclass({}) AS migrations WHERE rolname = {} \
             AND migrations IS NOT NULL AND NOT has_table_privilege(rolname, migrations, 'SELECT')",
            literal(&table),
            literal(&self.application),
        );
        let lacking = Statement::from_string(DbBackend::Postgres, sql);
        if db.query_one_raw(lacking).await?.is_some() {
            let grant = format!("GRANT SELECT ON {table} TO {}", quote(&self.application));
            db.execute_unprepared(&grant).await?;
        }
        Ok(())
    }
}
