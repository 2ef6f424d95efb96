//! `Fleet::create`: a tenant is there as a whole, or not at all.

use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, TransactionTrait};
use sea_orm_migration::MigratorTrait;

use super::aside::{beside, enter, hold, lock, share_template};
use super::settings::Fleet;
use super::snapshot::forget_version;
use super::tenant::exists;
use crate::context::{SchemaName, TenantId};
use crate::error::{Error, Result, TenancyError};
use crate::ident::quote;
use crate::rls::Roles;
use crate::tenancy::{
    CloneData, Placement, TenantRecord, TenantState, Transition, clone_schema, refuse_rows,
};

/// For the registration, and for a look at the rows meanwhile.
const CONNECTIONS: usize = 2;

impl<Shared: MigratorTrait, Tenant: MigratorTrait> Fleet<Shared, Tenant> {
    /// Makes a tenant: registers it as one that is being made, makes its schema by the template or by
    /// the migrations, and lets it be served.
    ///
    /// Where an earlier attempt was interrupted, this one finishes it; so does [`run`](Self::run).
    ///
    /// A new tenant begins without rows. [`drop`](Self::drop) leaves those that are in tables of others, so
    /// this looks for rows of that id first, in the tables of the program's tenant-aware entities where the
    /// tenant is to be, and in schemas that entities name. A tenant that has rows already, such as one that is older than
    /// the directory, is listed by [`Directory::register`](crate::tenancy::Directory::register).
    ///
    /// # Errors
    /// [`TenancyError::TenantExists`]; [`TenancyError::SchemaExists`]; [`TenancyError::HasRows`];
    /// [`TenancyError::HiddenRows`] for a role that does not see all rows;
    /// [`Error::InvalidSchema`] for an id that cannot be part of a schema's name;
    /// [`TenancyError::UnknownSchema`] for a template that no run has made, and
    /// [`TenancyError::NotClonable`] for one that cannot be copied;
    /// [`TenancyError::State`] for a database that nobody said how to connect to; those of the
    /// migrations; [`Error::Denied`] where the role may not make schemas, which
    /// [`Roles::create`] lets the migrator do. Then no trace is left of the tenant.
    ///
    /// # Cancel safety
    /// Where the future is dropped, or the process killed, the tenant is not there, or is still being
    /// made (and its schema is not there), or is served.
    pub async fn create(
        &self,
        tenant: &TenantId,
        placement: &Placement,
        db: &DatabaseConnection,
    ) -> Result<TenantRecord> {
        let aside = beside(db, CONNECTIONS)?;
        let record = match self.register(tenant, placement, &aside).await {
            Ok(record) => record,
            Err(error) => self.interrupted(tenant, placement, error, &aside).await?,
        };
        if record.state != TenantState::Creating {
            return Ok(record);
        }
        let built = match self.build(&record, &aside).await {
            Ok(built) => built,
            Err(error) => self.give_up(tenant, error, &aside).await?,
        };
        aside.close().await?;
        Ok(built)
    }

    /// Registers a tenant that has no rows. Nobody sees it, drops it or makes it before that is known; whoever
    /// finds it registered need not ask again, when rows may be its own.
    async fn register(
        &self,
        tenant: &TenantId,
        placement: &Placement,
        aside: &DatabaseConnection,
    ) -> Result<TenantRecord> {
        let transaction = aside.begin().await?;
        hold(tenant, &transaction).await?;
        let directory = &self.directory;
        let record = directory
            .register(tenant, placement, None, &transaction)
            .await?;
        let place = (placement, record.schema.as_ref());
        let site = self.site(tenant, place, aside).await?;
        // A schema that is there already is refused when it is to be made.
        let place = Some(&site.place).filter(|_| *placement != Placement::Schema);
        refuse_rows(tenant, place, &site.db).await?;
        transaction.commit().await?;
        Ok(record)
    }

    /// An earlier attempt to make the same tenant, if that is what stands in the way.
    async fn interrupted(
        &self,
        tenant: &TenantId,
        placement: &Placement,
        error: Error,
        aside: &DatabaseConnection,
    ) -> Result<TenantRecord> {
        if let Error::Tenancy(TenancyError::TenantExists { .. }) = &error
            && let Some(record) = self.directory.find_on(tenant, aside).await?
            && record.state == TenantState::Creating
            && record.placement == *placement
        {
            return Ok(record);
        }
        Err(error)
    }

    /// Takes the registration back, unless the tenant is there all the same: a COMMIT whose answer was
    /// lost may have been one.
    async fn give_up(
        &self,
        tenant: &TenantId,
        error: Error,
        aside: &DatabaseConnection,
    ) -> Result<TenantRecord> {
        let creating = TenantState::Creating;
        if let Err(undo) = self.directory.forget(tenant, creating, aside).await {
            tracing::warn!(%undo, %tenant, "the tenant stays registered until the next attempt");
            return Err(error);
        }
        match self.directory.find_on(tenant, aside).await? {
            Some(record) if record.state == TenantState::Active => Ok(record),
            _ => Err(error),
        }
    }

    /// Makes what a registered tenant needs, and lets it be served.
    pub(super) async fn build(
        &self,
        record: &TenantRecord,
        aside: &DatabaseConnection,
    ) -> Result<TenantRecord> {
        if let Placement::Database(name) = &record.placement {
            self.migrate_database(record, name, aside).await?;
            let activate = Transition::Activate;
            return self.directory.apply(activate, &record.tenant, aside).await;
        }
        let transaction = aside.begin().await?;
        lock(&record.tenant, &transaction).await?;
        let record = self.directory.known(&record.tenant, &transaction).await?;
        // Somebody else has finished it.
        let (TenantState::Creating, Some(schema)) = (record.state, &record.schema) else {
            return Ok(record);
        };
        self.fill(schema, &transaction).await?;
        let (directory, tenant) = (&self.directory, &record.tenant);
        directory
            .set_version(tenant, &self.version(), &transaction)
            .await?;
        let built = directory
            .apply(Transition::Activate, tenant, &transaction)
            .await?;
        transaction.commit().await?;
        Ok(built)
    }

    /// Makes the schema, by the template or by the migrations. The rest of the transaction is in it.
    pub(super) async fn fill(
        &self,
        schema: &SchemaName,
        transaction: &DatabaseTransaction,
    ) -> Result<()> {
        // It and the directory change together, so one that is there is somebody else's.
        if exists(schema.as_str(), transaction).await? {
            let schema = schema.to_string();
            return Err(TenancyError::SchemaExists { schema }.into());
        }
        match &self.template {
            Some(template) => {
                share_template(template, transaction).await?;
                let rows = CloneData::All;
                clone_schema(template, schema, rows, transaction).await?;
                forget_version(schema, transaction).await?;
            }
            None => self.make_schema(schema, transaction).await?,
        }
        enter(schema, &self.path, transaction).await?;
        Tenant::up(transaction, None).await?;
        Ok(())
    }

    /// Makes the schema where it is not there, for the roles of the database.
    pub(super) async fn make_schema<C: ConnectionTrait>(
        &self,
        schema: &SchemaName,
        transaction: &C,
    ) -> Result<()> {
        let roles = Roles::of_database(transaction).await?;
        let sql = format!(
            "CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {owner};\
             GRANT USAGE ON SCHEMA {schema} TO {application}, {system};",
            schema = schema.sql(),
            owner = quote(&roles.owner),
            application = quote(&roles.application),
            system = quote(&roles.system),
        );
        transaction.execute_unprepared(&sql).await?;
        Ok(())
    }
}
