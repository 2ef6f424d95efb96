//! `Fleet::move_to`: a tenant gets a schema of its own, or comes back to the shared tables.

use sea_orm::{DatabaseConnection, TransactionTrait};
use sea_orm_migration::MigratorTrait;

use super::aside::{beside, lock};
use super::change::own_schema;
use super::remove::drop_schema;
use super::settings::Fleet;
use crate::context::{SchemaName, TenantId};
use crate::error::{Error, Result, TenancyError};
use crate::tenancy::{Placement, RowPlace, TenantRecord, TenantState, copy_rows, remove_rows};

impl<Shared: MigratorTrait, Tenant: MigratorTrait> Fleet<Shared, Tenant> {
    /// Moves the rows of a suspended tenant between the shared tables and a schema of its own, and notes it in
    /// the directory; nothing where they are there already. It stays suspended.
    ///
    /// The schema is made as [`create`](Self::create) makes one; on the way back, it is dropped with all
    /// that is in it, unless something outside of it is made of that. See [`copy_rows`] for what moves and
    /// what is verified. Rows that wait for the move's locks are not redirected: let what runs for the tenant
    /// end before.
    ///
    /// # Errors
    /// [`TenancyError::UnknownTenant`]; [`TenancyError::State`] for a tenant that is not suspended, and for one
    /// that is in another database or is to go there; [`TenancyError::HasDependents`]; those of
    /// [`create`](Self::create), [`copy_rows`] and [`remove_rows`].
    ///
    /// # Cancel safety
    /// Where the future is dropped, or the process killed, the tenant is where it was, or has moved as a whole.
    pub async fn move_to(
        &self,
        placement: &Placement,
        tenant: &TenantId,
        db: &DatabaseConnection,
    ) -> Result<TenantRecord> {
        let aside = beside(db, 1)?;
        let transaction = aside.begin().await?;
        lock(tenant, &transaction).await?;
        let record = self.directory.known(tenant, &transaction).await?;
        if record.placement == *placement {
            return Ok(record);
        }
        if record.state != TenantState::Suspended {
            let state = record.state.to_string();
            return Err(refused(
                tenant,
                state,
                "suspend it first, and let what runs for it end",
            ));
        }
        match (&record.placement, placement) {
            (Placement::Rows, Placement::Schema) => {
                let schema = SchemaName::of(tenant)?;
                self.fill(&schema, &transaction).await?;
                let (shared, own) = (RowPlace::Public, RowPlace::from(schema.clone()));
                copy_rows(tenant, &shared, &own, &transaction).await?;
                remove_rows(tenant, &shared, &own, &transaction).await?;
                self.directory
                    .set_place(tenant, placement, Some(&schema), &transaction)
                    .await?;
                self.directory
                    .set_version(tenant, &self.version(), &transaction)
                    .await?;
            }
            (Placement::Schema, Placement::Rows) => {
                let schema = own_schema(&record)?;
                let (shared, own) = (RowPlace::Public, RowPlace::from(schema.clone()));
                copy_rows(tenant, &own, &shared, &transaction).await?;
                remove_rows(tenant, &own, &shared, &transaction).await?;
                drop_schema(tenant, schema, &transaction).await?;
                self.directory
                    .set_place(tenant, placement, None, &transaction)
                    .await?;
            }
            (from, to) => {
                let state = format!("placed by `{from}`");
                let remedy = format!("moving it to `{to}` is up to pg_dump and pg_restore");
                return Err(refused(tenant, state, &remedy));
            }
        }
        let moved = self.directory.known(tenant, &transaction).await?;
        transaction.commit().await?;
        aside.close().await?;
        Ok(moved)
    }
}

fn refused(tenant: &TenantId, state: String, remedy: &str) -> Error {
    TenancyError::State {
        tenant: tenant.to_string(),
        state,
        remedy: remedy.to_owned(),
    }
    .into()
}
