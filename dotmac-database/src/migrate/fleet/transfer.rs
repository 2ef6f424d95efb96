//! `Fleet::move_to`: a tenant's rows go to shared tables, a schema of its own, or another database.

use sea_orm::{DatabaseConnection, DatabaseTransaction, TransactionTrait};
use sea_orm_migration::MigratorTrait;

use super::aside::{beside, hold};
use super::change::own_schema;
use super::leftover::Leftover;
use super::settings::Fleet;
use crate::context::{SchemaName, TenantId};
use crate::error::{Result, TenancyError};
use crate::tenancy::{Placement, RowPlace, TenantRecord, TenantState, copy_rows, remove_rows};

/// For the lock, the two sides, and the switch.
pub const CONNECTIONS: usize = 4;

impl<Shared: MigratorTrait, Tenant: MigratorTrait> Fleet<Shared, Tenant> {
    /// Moves the rows of a suspended tenant to another place, and notes it in the directory; nothing where they
    /// are there already. It stays suspended.
    ///
    /// A schema is made as [`create`](Self::create) makes one, and a database gets the tenant's migrations.
    /// See [`copy_rows`] for what moves and what is verified. Let what runs for the tenant end before:
    /// requests that wait are not redirected.
    ///
    /// A schema that the tenant leaves is dropped with all that is in it, unless something outside of it is made
    /// of that, or rows would be lost: what is in a table that does not move has to be in the table of the same
    /// name at the new place (stamps of entities aside), and a sequence that feeds no column has to be as far
    /// there. The history of migrations does not count.
    ///
    /// Between the shared tables and a schema, it is one transaction. Between two databases, the rows are copied
    /// through this process, read in one snapshot and compared; then, while nobody can write to the old tables,
    /// the directory is switched, and the old rows are removed if they are still the same.
    ///
    /// # Errors
    /// [`TenancyError::UnknownTenant`]; [`TenancyError::State`] for a tenant that is not suspended, and for a
    /// database that nobody said how to connect to; [`TenancyError::HasDependents`];
    /// [`TenancyError::WouldBeLost`], and [`TenancyError::HiddenRows`] for a table of the schema of which that
    /// cannot be told; [`TenancyError::NotClonable`]; those of [`create`](Self::create), [`copy_rows`] and [`remove_rows`].
    ///
    /// # Cancel safety
    /// Where the future is dropped, or the process killed, the tenant is where it was, or has moved as a whole,
    /// as the directory says. Between databases, rows may be left in the other place, out of use: the next
    /// `move_to` of the tenant removes them, whatever its destination.
    pub async fn move_to(
        &self,
        placement: &Placement,
        tenant: &TenantId,
        db: &DatabaseConnection,
    ) -> Result<TenantRecord> {
        let aside = beside(db, CONNECTIONS)?;
        let held = aside.begin().await?;
        hold(tenant, &held).await?;
        let leftover = Leftover::find(&self.directory, tenant, &aside).await?;
        let record = self.directory.known(tenant, &held).await?;
        let is_there = record.placement == *placement;
        if !is_there {
            refuse_served(&record)?;
        }
        if let Some(leftover) = leftover {
            self.clear(&leftover, tenant, &held, &aside).await?;
        }
        if is_there {
            return Ok(record);
        }
        match (&record.placement, placement) {
            (Placement::Rows, Placement::Schema) => self.move_out(tenant, &held).await?,
            (Placement::Schema, Placement::Rows) => self.move_back(&record, &held).await?,
            _ => self.relocate(&record, placement, &held, &aside).await?,
        }
        let moved = self.directory.known(tenant, &held).await?;
        held.commit().await?;
        aside.close().await?;
        Ok(moved)
    }

    async fn move_out(&self, tenant: &TenantId, transaction: &DatabaseTransaction) -> Result<()> {
        let schema = SchemaName::of(tenant)?;
        self.fill(&schema, transaction).await?;
        let (shared, own) = (RowPlace::Public, RowPlace::from(schema.clone()));
        copy_rows(tenant, &shared, &own, transaction).await?;
        remove_rows(tenant, &shared, &own, transaction).await?;
        let place = Placement::Schema;
        self.note_place(tenant, &place, Some(&schema), transaction)
            .await
    }

    async fn move_back(
        &self,
        record: &TenantRecord,
        transaction: &DatabaseTransaction,
    ) -> Result<()> {
        let (tenant, schema) = (&record.tenant, own_schema(record)?);
        let (shared, own) = (RowPlace::Public, RowPlace::from(schema.clone()));
        copy_rows(tenant, &own, &shared, transaction).await?;
        remove_rows(tenant, &own, &shared, transaction).await?;
        let there = (&shared, transaction);
        self.leave(tenant, schema, transaction, there).await?;
        self.note_place(tenant, &Placement::Rows, None, transaction)
            .await
    }

    /// The switch, if nobody has resumed the tenant meanwhile.
    pub(super) async fn note_place(
        &self,
        tenant: &TenantId,
        placement: &Placement,
        schema: Option<&SchemaName>,
        transaction: &DatabaseTransaction,
    ) -> Result<()> {
        let directory = &self.directory;
        directory
            .set_place(tenant, placement, schema, transaction)
            .await?;
        refuse_served(&directory.known(tenant, transaction).await?)?;
        if *placement == Placement::Rows {
            return Ok(());
        }
        directory
            .set_version(tenant, &self.version(), transaction)
            .await
    }
}

fn refuse_served(record: &TenantRecord) -> Result<()> {
    match record.state {
        TenantState::Suspended => Ok(()),
        state => Err(TenancyError::State {
            tenant: record.tenant.to_string(),
            state: state.to_string(),
            remedy: "suspend it first, and let what runs for it end".to_owned(),
        }
        .into()),
    }
}
