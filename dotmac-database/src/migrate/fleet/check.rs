//! `Fleet::check_version`: does the program fit the schemas that it is about to use?

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use sea_orm_migration::MigratorTrait;

use super::settings::Fleet;
use crate::error::{Error, Result, TenancyError};
use crate::session::Database;
use crate::tenancy::{COLUMNS, SchemaStanding, SchemaVersion, TenantRecord};

/// How many tenants a message names.
const NAMED: usize = 3;

/// Which schemas a program starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VersionPolicy {
    /// With its own version only.
    #[default]
    Exact,
    /// Also with a newer one: while a release is rolled out, the old programs go on for a while on
    /// schemas that are migrated already.
    AllowAhead,
    /// With any, after a warning in the log.
    Warn,
}

impl<Shared: MigratorTrait, Tenant: MigratorTrait> Fleet<Shared, Tenant> {
    /// Refuses to go on where schemas of tenants that are served are not at the version of this program:
    /// for the start of a program that uses them.
    ///
    /// It asks the directory, in a session of [`Database::system`]: the application's own login sees no
    /// tenant but its current one.
    ///
    /// # Errors
    /// [`TenancyError::VersionSkew`], which names some of the tenants; [`Error::Config`] where no system
    /// login is configured; the database's.
    ///
    /// # Cancel safety
    /// Safe at any point.
    pub async fn check_version(&self, policy: VersionPolicy, db: &Database) -> Result<()> {
        let program = self.version();
        let sql = format!(
            "SELECT {COLUMNS} FROM {} WHERE state = 'active' AND placement <> 'rows' \
             AND schema_version IS DISTINCT FROM $1 ORDER BY tenant_id",
            self.directory.table()
        );
        let values = [program.to_string().into()];
        let others = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        let system = db.system("check of the version of tenants' schemas")?;
        let rows = system
            .read(async |session| Ok::<_, Error>(session.query_all_raw(others).await?))
            .await?;
        let (mut behind, mut ahead) = (Vec::new(), Vec::new());
        for row in &rows {
            let record = TenantRecord::read(row)?;
            match SchemaVersion::standing(record.version.as_ref(), &program) {
                SchemaStanding::Ahead => ahead.push(record),
                _ => behind.push(record),
            }
        }
        let (exact, warn) = (VersionPolicy::Exact, VersionPolicy::Warn);
        refuse(&behind, &program, "run its migrations", policy != warn)?;
        refuse(&ahead, &program, "start the newer program", policy == exact)
    }
}

fn refuse(
    tenants: &[TenantRecord],
    program: &SchemaVersion,
    remedy: &str,
    is_refused: bool,
) -> Result<()> {
    if tenants.is_empty() {
        return Ok(());
    }
    let skew = TenancyError::VersionSkew {
        tenants: named(tenants),
        expected: program.to_string(),
        remedy: remedy.to_owned(),
    };
    if is_refused {
        return Err(skew.into());
    }
    tracing::warn!("{skew}");
    Ok(())
}

fn named(tenants: &[TenantRecord]) -> String {
    let first: Vec<String> = tenants
        .iter()
        .take(NAMED)
        .map(|record| format!("\"{}\"", record.tenant))
        .collect();
    let first = first.join(", ");
    match tenants.len().saturating_sub(NAMED) {
        0 if tenants.len() == 1 => format!("tenant {first}"),
        0 => format!("tenants {first}"),
        more => format!("tenants {first} and {more} more"),
    }
}
