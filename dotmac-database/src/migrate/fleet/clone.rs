//! `Fleet::clone_tenant`: a new tenant by the pattern of another one.

use sea_orm::{DatabaseConnection, TransactionTrait};
use sea_orm_migration::MigratorTrait;

use super::aside::{beside, enter, lock};
use super::change::own_schema;
use super::settings::Fleet;
use crate::context::TenantId;
use crate::error::Result;
use crate::tenancy::{CloneData, Placement, TenantRecord, Transition, clone_schema};

impl<Shared: MigratorTrait, Tenant: MigratorTrait> Fleet<Shared, Tenant> {
    /// Makes a tenant whose schema is a copy of another's, with its rows where `data` says so, and
    /// migrates it. See [`clone_schema`] for what is copied.
    ///
    /// # Errors
    /// [`TenancyError::UnknownTenant`](crate::TenancyError::UnknownTenant) for `from`;
    /// [`TenancyError::TenantExists`](crate::TenancyError::TenantExists) and
    /// [`TenancyError::SchemaExists`](crate::TenancyError::SchemaExists) for `to`; those of
    /// [`clone_schema`] and of the migrations. Then nothing is there.
    ///
    /// # Cancel safety
    /// Where the future is dropped, or the process killed, the tenant is there as a whole, or not at all.
    pub async fn clone_tenant(
        &self,
        from: &TenantId,
        to: &TenantId,
        data: CloneData,
        db: &DatabaseConnection,
    ) -> Result<TenantRecord> {
        let aside = beside(db, 1)?;
        let transaction = aside.begin().await?;
        // In one order, so that two that copy each other do not wait for ever.
        for tenant in [from.min(to), from.max(to)] {
            lock(tenant, &transaction).await?;
        }
        let directory = &self.directory;
        let original = directory.known(from, &transaction).await?;
        let pattern = own_schema(&original)?;
        let record = directory
            .register(to, &Placement::Schema, None, &transaction)
            .await?;
        let schema = own_schema(&record)?;
        clone_schema(pattern, schema, data, &transaction).await?;
        enter(schema, &self.path, &transaction).await?;
        Tenant::up(&transaction, None).await?;
        directory
            .set_version(to, &self.version(), &transaction)
            .await?;
        let made = directory
            .apply(Transition::Activate, to, &transaction)
            .await?;
        transaction.commit().await?;
        aside.close().await?;
        Ok(made)
    }
}
