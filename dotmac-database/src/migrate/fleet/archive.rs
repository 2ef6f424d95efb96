//! `Fleet::archive`: a tenant is taken out of service, and its schema written to a file.

use std::io;
use std::path::{Path, PathBuf};

use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, TransactionTrait};
use sea_orm_migration::MigratorTrait;
use sqlx::ConnectOptions;
use tokio::process::Command;

use super::aside::{beside, lock};
use super::settings::Fleet;
use crate::context::{SchemaName, TenantId};
use crate::error::{Result, TenancyError};
use crate::tenancy::{Placement, TenantRecord, TenantState, Transition};

/// What was archived.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Archived {
    /// The tenant, as the directory has it now.
    pub record: TenantRecord,
    /// The file with its schema and rows, for `pg_restore`; none where `pg_dump` is not installed, the
    /// tenant was archived before, or it has no schema of its own in this database.
    pub file: Option<PathBuf>,
}

impl<Shared: MigratorTrait, Tenant: MigratorTrait> Fleet<Shared, Tenant> {
    /// Takes a tenant out of service: suspends it, has `pg_dump` write its schema to a file in `folder`,
    /// and marks it as archived. Its schema stays until it is dropped. Nothing where it is archived.
    ///
    /// The file is `<schema>.dump` in the format of `pg_restore`, is written as a whole or not at all,
    /// and replaces that of an earlier attempt. It holds what was committed when it was begun: a unit of
    /// work that began before the tenant was suspended may end after that.
    ///
    /// # Errors
    /// [`TenancyError::UnknownTenant`]; [`TenancyError::State`] for one that is being made or has failed;
    /// [`TenancyError::Dump`] with what `pg_dump` said, after which the tenant stays suspended; the
    /// database's.
    ///
    /// # Cancel safety
    /// Where the future is dropped, `pg_dump` is ended, and the tenant is suspended: archive it again.
    pub async fn archive(
        &self,
        tenant: &TenantId,
        folder: &Path,
        db: &DatabaseConnection,
    ) -> Result<Archived> {
        let record = self.directory.known(tenant, db).await?;
        if record.state == TenantState::Archived {
            return Ok(Archived { record, file: None });
        }
        let suspended = self.suspend(tenant, db).await?;
        let aside = beside(db, 1)?;
        let transaction = aside.begin().await?;
        hold(tenant, &transaction).await?;
        let file = match (&suspended.placement, &suspended.schema) {
            (Placement::Schema, Some(schema)) => dump(tenant, schema, folder, db).await?,
            _ => None,
        };
        let record = self
            .directory
            .apply(Transition::Archive, tenant, &transaction)
            .await?;
        transaction.commit().await?;
        aside.close().await?;
        Ok(Archived { record, file })
    }
}

/// Nobody migrates or renames it while it is written.
async fn hold(tenant: &TenantId, transaction: &DatabaseTransaction) -> Result<()> {
    let patient = "SET LOCAL idle_in_transaction_session_timeout = 0";
    transaction.execute_unprepared(patient).await?;
    lock(tenant, transaction).await
}

async fn dump(
    tenant: &TenantId,
    schema: &SchemaName,
    folder: &Path,
    db: &DatabaseConnection,
) -> Result<Option<PathBuf>> {
    let failed = |reason: String| TenancyError::Dump {
        tenant: tenant.to_string(),
        reason,
    };
    let file = folder.join(format!("{schema}.dump"));
    let partial = folder.join(format!("{schema}.dump.partial"));
    let output = match pg_dump(schema, &partial, db).output().await {
        Ok(output) => output,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            tracing::warn!(%tenant, "pg_dump is not installed: the tenant is archived without a file");
            return Ok(None);
        }
        Err(error) => return Err(failed(error.to_string()).into()),
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(failed(said.trim().replace('\n', "; ")).into());
    }
    std::fs::rename(&partial, &file).map_err(|error| failed(error.to_string()))?;
    Ok(Some(file))
}

/// The password goes by the environment: others can read the arguments of a process.
fn pg_dump(schema: &SchemaName, file: &Path, db: &DatabaseConnection) -> Command {
    let options = db.get_postgres_connection_pool().connect_options();
    let url = options.to_url_lossy();
    let mut command = Command::new("pg_dump");
    command
        .args(["--format=custom", "--no-password"])
        // The migrator sees all rows, by a policy.
        .arg("--enable-row-security")
        .arg(format!("--schema={}", schema.sql()))
        .arg("--file")
        .arg(file)
        .env("PGHOST", options.get_host())
        .env("PGPORT", options.get_port().to_string())
        .env("PGUSER", options.get_username())
        .env("PGDATABASE", options.get_database().unwrap_or_default())
        .kill_on_drop(true);
    if let Some(password) = url.password() {
        let password = percent_encoding::percent_decode_str(password);
        command.env("PGPASSWORD", password.decode_utf8_lossy().as_ref());
    }
    command
}
