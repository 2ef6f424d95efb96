//! `Fleet::archive`: a tenant is taken out of service, and its schema written to a file.

use std::path::{Path, PathBuf};

use sea_orm::{DatabaseConnection, TransactionTrait};
use sea_orm_migration::MigratorTrait;
use sqlx::ConnectOptions;
use tokio::process::Command;

use super::aside::{beside, hold};
use super::settings::Fleet;
use crate::context::{SchemaName, TenantId};
use crate::error::{Error, Result, TenancyError};
use crate::tenancy::{Placement, TenantRecord, TenantState, Transition, refuse_hidden_rows};

/// What was archived.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Archived {
    /// The tenant, as the directory has it now.
    pub record: TenantRecord,
    /// The file with its schema and rows, for `pg_restore`; none where none was asked for, the tenant was
    /// archived before, or it has no schema of its own in this database.
    pub file: Option<PathBuf>,
}

impl<Shared: MigratorTrait, Tenant: MigratorTrait> Fleet<Shared, Tenant> {
    /// Takes a tenant out of service: suspends it, has [`pg_dump`](Self::pg_dump) write its schema to a file
    /// in `folder`, where there is one, and marks it as archived. Its schema stays until it is dropped. Nothing
    /// where it is archived.
    ///
    /// The file is `<schema>.dump` in the format of `pg_restore`, is written as a whole or not at all,
    /// and replaces that of an earlier attempt. It holds what was committed when it was begun: a unit of
    /// work that began before the tenant was suspended may end after that.
    ///
    /// # Errors
    /// [`TenancyError::UnknownTenant`]; [`TenancyError::State`] for one that is being made or has failed;
    /// [`TenancyError::HiddenRows`] where policies may keep rows of a table of the schema from the role, and so
    /// from the file, and [`TenancyError::Dump`] where `pg_dump` is not there: then nothing has happened;
    /// [`TenancyError::Dump`] with what `pg_dump` said, after which the tenant stays suspended; the database's.
    ///
    /// # Cancel safety
    /// Where the future is dropped, `pg_dump` is ended, and the tenant is suspended: archive it again.
    pub async fn archive(
        &self,
        tenant: &TenantId,
        folder: Option<&Path>,
        db: &DatabaseConnection,
    ) -> Result<Archived> {
        let aside = beside(db, 1)?;
        let transaction = aside.begin().await?;
        // Nobody migrates, renames or moves it until it is written.
        hold(tenant, &transaction).await?;
        let record = self.directory.known(tenant, &transaction).await?;
        if record.state == TenantState::Archived {
            return Ok(Archived { record, file: None });
        }
        let schema = record.schema.as_ref();
        let schema = schema.filter(|_| record.placement == Placement::Schema);
        let dumped = folder.zip(schema);
        if let Some((_, schema)) = dumped {
            self.find_pg_dump(tenant).await?;
            // What it is not shown, it leaves out without a word.
            refuse_hidden_rows(schema, &transaction).await?;
        }
        self.suspend(tenant, db).await?;
        let file = match dumped {
            Some((folder, schema)) => Some(self.dump(tenant, schema, folder, db).await?),
            None => None,
        };
        let record = self
            .directory
            .apply(Transition::Archive, tenant, &transaction)
            .await?;
        transaction.commit().await?;
        aside.close().await?;
        Ok(Archived { record, file })
    }

    /// Makes sure that it is there, before anything is done.
    async fn find_pg_dump(&self, tenant: &TenantId) -> Result<()> {
        let mut asked = Command::new(&self.pg_dump);
        asked.arg("--version").kill_on_drop(true);
        match asked.output().await {
            Ok(_) => Ok(()),
            Err(error) => Err(failed(
                tenant,
                format!(
                    "`{}` cannot be run ({error}): install PostgreSQL's client programs, say by \
                     `Fleet::pg_dump` where they are, or archive without a file",
                    self.pg_dump.display(),
                ),
            )),
        }
    }

    async fn dump(
        &self,
        tenant: &TenantId,
        schema: &SchemaName,
        folder: &Path,
        db: &DatabaseConnection,
    ) -> Result<PathBuf> {
        let file = folder.join(format!("{schema}.dump"));
        let partial = folder.join(format!("{schema}.dump.partial"));
        let output = pg_dump(&self.pg_dump, schema, &partial, db).output().await;
        let output = output.map_err(|error| failed(tenant, error.to_string()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(failed(tenant, said.trim().replace('\n', "; ")));
        }
        std::fs::rename(&partial, &file).map_err(|error| failed(tenant, error.to_string()))?;
        Ok(file)
    }
}

fn failed(tenant: &TenantId, reason: String) -> Error {
    let tenant = tenant.to_string();
    TenancyError::Dump { tenant, reason }.into()
}

/// The password goes by the environment: others can read the arguments of a process.
fn pg_dump(program: &Path, schema: &SchemaName, file: &Path, db: &DatabaseConnection) -> Command {
    let options = db.get_postgres_connection_pool().connect_options();
    let url = options.to_url_lossy();
    let mut command = Command::new(program);
    command
        .args(["--format=custom", "--no-password"])
        // The migrator sees all rows, by policies: that was asked.
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
