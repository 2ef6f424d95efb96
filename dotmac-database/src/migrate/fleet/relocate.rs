//! A tenant moves between two databases: copied, switched, removed where it was.

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, Statement,
    TransactionTrait,
};
use sea_orm_migration::MigratorTrait;

use super::aside::beside;
use super::leftover::Leftover;
use super::remove::drop_schema;
use super::settings::Fleet;
use super::tenant::exists;
use super::transfer::CONNECTIONS;
use crate::context::{SchemaName, TenantId};
use crate::error::{Result, TenancyError};
use crate::tenancy::{
    Expected, Placement, RowPlace, RowSite, TenantRecord, copy_across, refuse_losses, take_away,
};

impl<Shared: MigratorTrait, Tenant: MigratorTrait> Fleet<Shared, Tenant> {
    /// Moves a suspended tenant, under the lock that `held` has.
    pub(super) async fn relocate(
        &self,
        record: &TenantRecord,
        placement: &Placement,
        held: &DatabaseTransaction,
        aside: &DatabaseConnection,
    ) -> Result<()> {
        let tenant = &record.tenant;
        let place = (&record.placement, record.schema.as_ref());
        let from = self.site(tenant, place, aside).await?;
        let schema = match placement {
            Placement::Schema => Some(SchemaName::of(tenant)?),
            _ => None,
        };
        let to = self
            .site(tenant, (placement, schema.as_ref()), aside)
            .await?;
        self.make_ready(tenant, placement, &to).await?;

        Leftover::prepare(&self.directory, aside).await?;
        let unused = Leftover {
            placement: placement.clone(),
            schema: schema.clone(),
            copied: None,
        };
        unused.note(&self.directory, tenant, aside).await?;
        let to = (placement, &to);
        let (leaving, switch) = match self.ready_to_switch(record, &from, to, held, aside).await {
            Ok(ready) => ready,
            Err(error) => {
                if let Err(undo) = self.clear(&unused, tenant, held, aside).await {
                    tracing::warn!(%undo, %tenant, "a copy that is not used stays until the next attempt");
                }
                return Err(error);
            }
        };
        switch.commit().await?;
        leaving.commit().await?;
        Leftover::forget(&self.directory, tenant, aside).await
    }

    /// Copies the rows, and opens two transactions whose commits are the move: one that removes the old rows,
    /// so that until its end nobody can write to them, and the switch of the directory.
    async fn ready_to_switch(
        &self,
        record: &TenantRecord,
        from: &RowSite,
        (placement, to): (&Placement, &RowSite),
        held: &DatabaseTransaction,
        aside: &DatabaseConnection,
    ) -> Result<(DatabaseTransaction, DatabaseTransaction)> {
        let tenant = &record.tenant;
        let schema = own_schema(placement, &to.place);
        if let Some(schema) = schema {
            let making = aside.begin().await?;
            // Whoever clears up after this one waits for it.
            Leftover::find(&self.directory, tenant, &making).await?;
            self.fill(schema, &making).await?;
            making.commit().await?;
        }
        let copied = copy_across(tenant, from, to, async || confirm(held).await).await?;
        let leaving = from.db.begin().await?;
        let these = Expected::These(&copied);
        let old = (&record.placement, from);
        self.vacate(tenant, old, these, Some(to), &leaving).await?;
        let switch = aside.begin().await?;
        self.note_place(tenant, placement, schema, &switch).await?;
        let old = Leftover {
            placement: record.placement.clone(),
            schema: record.schema.clone(),
            copied: Some(copied),
        };
        old.note(&self.directory, tenant, &switch).await?;
        confirm(held).await?;
        Ok((leaving, switch))
    }

    /// Removes what an earlier move has left, if it is what that move knew of.
    pub(super) async fn clear(
        &self,
        leftover: &Leftover,
        tenant: &TenantId,
        held: &DatabaseTransaction,
        aside: &DatabaseConnection,
    ) -> Result<()> {
        let place = (&leftover.placement, leftover.schema.as_ref());
        let site = self.site(tenant, place, aside).await?;
        let leaving = site.db.begin().await?;
        let copied = leftover.copied.as_ref();
        let expected = copied.map_or(Expected::Any, Expected::TheseOrNone);
        // In a copy that was never used, nobody has worked.
        let kept = match copied {
            Some(_) => {
                let record = self.directory.known(tenant, held).await?;
                let place = (&record.placement, record.schema.as_ref());
                Some(self.site(tenant, place, aside).await?)
            }
            None => None,
        };
        let old = (&leftover.placement, &site);
        self.vacate(tenant, old, expected, kept.as_ref(), &leaving)
            .await?;
        confirm(held).await?;
        leaving.commit().await?;
        Leftover::forget(&self.directory, tenant, aside).await
    }

    /// Removes the tenant's rows, and its schema, where `kept` has what else is in that.
    async fn vacate(
        &self,
        tenant: &TenantId,
        (placement, site): (&Placement, &RowSite),
        expected: Expected<'_>,
        kept: Option<&RowSite>,
        transaction: &DatabaseTransaction,
    ) -> Result<()> {
        take_away(tenant, &site.place, expected, transaction).await?;
        let Some(schema) = own_schema(placement, &site.place) else {
            return Ok(());
        };
        if !exists(schema.as_str(), transaction).await? {
            return Ok(());
        }
        let Some(kept) = kept else {
            return drop_schema(tenant, schema, transaction).await;
        };
        let there = kept.db.begin().await?;
        self.leave(tenant, schema, transaction, (&kept.place, &there))
            .await?;
        Ok(there.rollback().await?)
    }

    /// Drops a schema that holds nothing that the tenant's new place does not have.
    pub(super) async fn leave(
        &self,
        tenant: &TenantId,
        schema: &SchemaName,
        transaction: &DatabaseTransaction,
        there: (&RowPlace, &DatabaseTransaction),
    ) -> Result<()> {
        let history = [Tenant::migration_table_name().to_string()];
        refuse_losses(tenant, schema, &history, transaction, there).await?;
        drop_schema(tenant, schema, transaction).await
    }

    /// Where rows of a placement are.
    pub(super) async fn site(
        &self,
        tenant: &TenantId,
        (placement, schema): (&Placement, Option<&SchemaName>),
        aside: &DatabaseConnection,
    ) -> Result<RowSite> {
        let db = match placement {
            Placement::Database(name) => beside(&self.connect(tenant, name).await?, CONNECTIONS)?,
            _ => aside.clone(),
        };
        let place = match (placement, schema) {
            (_, Some(schema)) => RowPlace::from(schema.clone()),
            (Placement::Database(_), None) => first_schema(&db).await?,
            (_, None) => RowPlace::Public,
        };
        Ok(RowSite { db, place })
    }

    /// Makes sure that rows can come, and that there are none before they come: those that are there later may
    /// be removed.
    async fn make_ready(
        &self,
        tenant: &TenantId,
        placement: &Placement,
        to: &RowSite,
    ) -> Result<()> {
        if let Some(schema) = own_schema(placement, &to.place) {
            if exists(schema.as_str(), &to.db).await? {
                let schema = schema.to_string();
                return Err(TenancyError::SchemaExists { schema }.into());
            }
            return Ok(());
        }
        if let Placement::Database(_) = placement {
            self.migrate_in(None, &to.db).await?;
        }
        to.refuse_rows_of(tenant).await
    }
}

/// The schema that is made for the tenant, and goes with it. That of another database is for all there.
fn own_schema<'s>(placement: &Placement, place: &'s RowPlace) -> Option<&'s SchemaName> {
    match (placement, place) {
        (Placement::Schema, RowPlace::Schema(schema)) => Some(schema),
        _ => None,
    }
}

/// Makes sure that nobody else moves the tenant: the lock goes with its connection.
async fn confirm(held: &DatabaseTransaction) -> Result<()> {
    held.execute_unprepared("SELECT 1").await?;
    Ok(())
}

/// The schema in which the connection makes tables.
async fn first_schema(db: &DatabaseConnection) -> Result<RowPlace> {
    let sql = "SELECT coalesce(current_schema()::text, 'public') AS name";
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let row = db.query_one_raw(statement).await?;
    let name: Option<String> = row.map(|row| row.try_get("", "name")).transpose()?;
    match name.as_deref() {
        None | Some("public") => Ok(RowPlace::Public),
        Some(name) => Ok(RowPlace::from(SchemaName::parse(name)?)),
    }
}
