//! One tenant's migrations: all of them or none, in one transaction with its version.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement, TransactionTrait};
use sea_orm_migration::MigratorTrait;

use super::aside::{beside, enter, lock};
use super::history::{Apart, take_over};
use super::settings::Fleet;
use crate::context::{SchemaName, TenantId};
use crate::error::{Error, Result, TenancyError};
use crate::ident::literal;
use crate::tenancy::{
    DatabaseName, Placement, SchemaStanding, SchemaVersion, TenantRecord, TenantState,
};

/// What was to be done for a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// Somebody else has done it meanwhile.
    Skipped,
}

impl<Shared: MigratorTrait, Tenant: MigratorTrait> Fleet<Shared, Tenant> {
    /// Finishes the tenant, or migrates it.
    pub(super) async fn migrate(
        &self,
        record: &TenantRecord,
        aside: &DatabaseConnection,
    ) -> Result<Outcome> {
        match (record.state, &record.placement) {
            (TenantState::Creating, _) => {
                self.build(record, aside).await?;
                Ok(Outcome::Done)
            }
            (_, Placement::Database(name)) => self.migrate_database(record, name, aside).await,
            _ => self.migrate_schema(record, aside).await,
        }
    }

    async fn migrate_schema(
        &self,
        record: &TenantRecord,
        aside: &DatabaseConnection,
    ) -> Result<Outcome> {
        let transaction = aside.begin().await?;
        lock(&record.tenant, &transaction).await?;
        // Whoever had the lock before may have renamed, migrated or dropped it.
        let Some(record) = self.directory.find_on(&record.tenant, &transaction).await? else {
            return Ok(Outcome::Skipped);
        };
        if !self.is_behind(&record)? {
            return Ok(Outcome::Skipped);
        }
        let Some(schema) = &record.schema else {
            return Ok(Outcome::Skipped);
        };
        if !exists(schema.as_str(), &transaction).await? {
            let schema = schema.to_string();
            return Err(TenancyError::UnknownSchema { schema }.into());
        }
        enter(schema, &self.path, &transaction).await?;
        Tenant::up(&transaction, None).await?;
        self.directory
            .set_version(&record.tenant, &self.version(), &transaction)
            .await?;
        transaction.commit().await?;
        Ok(Outcome::Done)
    }

    // Two databases have no transaction in common: where the second one fails, the next run finds
    // nothing to migrate, and notes it.
    pub(super) async fn migrate_database(
        &self,
        record: &TenantRecord,
        name: &DatabaseName,
        aside: &DatabaseConnection,
    ) -> Result<Outcome> {
        if !self.is_behind(record)? {
            return Ok(Outcome::Skipped);
        }
        let theirs = beside(&self.connect(&record.tenant, name).await?, 1)?;
        self.migrate_in(record.schema.as_ref(), &theirs).await?;
        theirs.close().await?;
        self.directory
            .set_version(&record.tenant, &self.version(), aside)
            .await?;
        Ok(Outcome::Done)
    }

    /// Runs the tenant's migrations in a database of its own, for all tenants that share it.
    pub(super) async fn migrate_in(
        &self,
        schema: Option<&SchemaName>,
        theirs: &DatabaseConnection,
    ) -> Result<()> {
        let transaction = theirs.begin().await?;
        let all = "SELECT pg_advisory_xact_lock(hashtextextended('dotmac database', 0))";
        transaction.execute_unprepared(all).await?;
        match schema {
            Some(schema) => {
                self.make_schema(schema, &transaction).await?;
                enter(schema, &self.path, &transaction).await?;
                Tenant::up(&transaction, None).await?;
            }
            None => {
                take_over::<Shared, Tenant, _>(&transaction).await?;
                Apart::<Shared, Tenant>::up(&transaction, None).await?;
            }
        }
        Ok(transaction.commit().await?)
    }

    pub(super) async fn connect(
        &self,
        tenant: &TenantId,
        name: &DatabaseName,
    ) -> Result<DatabaseConnection> {
        let Some(connect) = &self.databases else {
            return Err(TenancyError::State {
                tenant: tenant.to_string(),
                state: format!("in database `{name}`"),
                remedy: "say by `Fleet::databases` how to connect to it".to_owned(),
            }
            .into());
        };
        connect(name.clone()).await
    }

    /// Whether migrations of this program are missing.
    ///
    /// # Errors
    /// [`TenancyError::VersionSkew`] where the schema has some that this program does not know.
    fn is_behind(&self, record: &TenantRecord) -> Result<bool> {
        let program = self.version();
        match SchemaVersion::standing(record.version.as_ref(), &program) {
            SchemaStanding::Current => Ok(false),
            SchemaStanding::Behind => Ok(true),
            SchemaStanding::Ahead => Err(Error::Tenancy(TenancyError::VersionSkew {
                tenants: format!("tenant \"{}\"", record.tenant),
                expected: program.to_string(),
                remedy: "migrate with the newer program".to_owned(),
            })),
        }
    }
}

/// Whether there is nothing to do for the tenant.
pub fn is_current(record: &TenantRecord, program: &SchemaVersion) -> bool {
    let standing = SchemaVersion::standing(record.version.as_ref(), program);
    record.state != TenantState::Creating && standing == SchemaStanding::Current
}

/// Whether there is such a schema.
pub async fn exists<C: ConnectionTrait>(schema: &str, db: &C) -> Result<bool> {
    let sql = format!(
        "SELECT 1 FROM pg_namespace WHERE nspname = {}",
        literal(schema)
    );
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    Ok(db.query_one_raw(statement).await?.is_some())
}
