//! Changes of a tenant that exists: another name for its schema, suspended, served again.

use sea_orm::{ConnectionTrait, DatabaseConnection, TransactionTrait};
use sea_orm_migration::MigratorTrait;

use super::aside::{beside, lock};
use super::settings::Fleet;
use super::tenant::exists;
use crate::context::{SchemaName, TenantId};
use crate::error::{Result, TenancyError};
use crate::tenancy::{
    Listing, Placement, SchemaStanding, SchemaVersion, TenantRecord, TenantState, Transition,
};

impl<Shared: MigratorTrait, Tenant: MigratorTrait> Fleet<Shared, Tenant> {
    /// The tenants, by pages; see [`Directory::list`](crate::tenancy::Directory::list).
    ///
    /// # Errors
    /// The database's.
    ///
    /// # Cancel safety
    /// Safe at any point.
    pub async fn list(
        &self,
        listing: &Listing,
        db: &DatabaseConnection,
    ) -> Result<Vec<TenantRecord>> {
        self.directory.list(listing, db).await
    }

    /// Gives a tenant's schema another name, in the database and in the directory at once; nothing
    /// where it has that name. The tenant's id stays.
    ///
    /// Sessions work in [`SchemaName::of`] their tenant, and nowhere else. So another name is for a tenant that
    /// is not served: its schema is out of the way, for instance while an archive is restored beside it, and
    /// gets its own name back before [`resume`](Self::resume).
    ///
    /// # Errors
    /// [`TenancyError::UnknownTenant`]; [`TenancyError::SchemaExists`];
    /// [`TenancyError::SchemaOutOfSight`] for a tenant that is served, and
    /// [`TenancyError::SchemaOfOther`] for a name that is another tenant's;
    /// [`TenancyError::UnknownSchema`]; [`TenancyError::State`] for a tenant without a schema of its own
    /// in this database; the database's.
    ///
    /// # Cancel safety
    /// Where the future is dropped, both have the old name or both the new one.
    pub async fn rename(
        &self,
        tenant: &TenantId,
        schema: &SchemaName,
        db: &DatabaseConnection,
    ) -> Result<TenantRecord> {
        schema.refuse_for_other_than(tenant)?;
        let aside = beside(db, 1)?;
        let transaction = aside.begin().await?;
        lock(tenant, &transaction).await?;
        let record = self.directory.known(tenant, &transaction).await?;
        let old = own_schema(&record)?;
        if old == schema {
            return Ok(record);
        }
        if !exists(old.as_str(), &transaction).await? {
            let schema = old.to_string();
            return Err(TenancyError::UnknownSchema { schema }.into());
        }
        if exists(schema.as_str(), &transaction).await? {
            let schema = schema.to_string();
            return Err(TenancyError::SchemaExists { schema }.into());
        }
        let rename = format!("ALTER SCHEMA {} RENAME TO {}", old.sql(), schema.sql());
        transaction.execute_unprepared(&rename).await?;
        self.directory
            .set_schema(tenant, schema, &transaction)
            .await?;
        let renamed = self.directory.known(tenant, &transaction).await?;
        // From here on, nobody resumes it before the end.
        if renamed.state == TenantState::Active {
            renamed.refuse_out_of_sight()?;
        }
        transaction.commit().await?;
        aside.close().await?;
        Ok(renamed)
    }

    /// Has the tenant's requests refused; nothing where they are. What runs goes on to its end.
    ///
    /// # Errors
    /// As [`Directory::apply`](crate::tenancy::Directory::apply).
    ///
    /// # Cancel safety
    /// Where the future is dropped, the tenant is suspended or not.
    pub async fn suspend(
        &self,
        tenant: &TenantId,
        db: &DatabaseConnection,
    ) -> Result<TenantRecord> {
        self.directory.apply(Transition::Suspend, tenant, db).await
    }

    /// Has the tenant served again, after migrating it where it fell behind meanwhile.
    ///
    /// # Errors
    /// As [`Directory::apply`](crate::tenancy::Directory::apply), [`TenancyError::SchemaOutOfSight`] among
    /// them; those of the migrations, after which it stays as it was.
    ///
    /// # Cancel safety
    /// Where the future is dropped, the tenant may be migrated already, and not be served yet.
    pub async fn resume(&self, tenant: &TenantId, db: &DatabaseConnection) -> Result<TenantRecord> {
        let record = self.directory.known(tenant, db).await?;
        let standing = SchemaVersion::standing(record.version.as_ref(), &self.version());
        let is_behind = record.placement != Placement::Rows && standing != SchemaStanding::Current;
        if is_behind && Transition::Resume.from().contains(&record.state) {
            let aside = beside(db, 1)?;
            self.migrate(&record, &aside).await?;
            aside.close().await?;
        }
        self.directory.apply(Transition::Resume, tenant, db).await
    }
}

/// The schema of the tenant in this database.
pub fn own_schema(record: &TenantRecord) -> Result<&SchemaName> {
    match (&record.placement, &record.schema) {
        (Placement::Schema, Some(schema)) => Ok(schema),
        (placement, _) => Err(TenancyError::State {
            tenant: record.tenant.to_string(),
            state: format!("placed by `{placement}`"),
            remedy: "it has no schema of its own in this database".to_owned(),
        }
        .into()),
    }
}
