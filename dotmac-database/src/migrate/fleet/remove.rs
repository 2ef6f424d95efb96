//! `Fleet::drop`: a tenant's schema and its place in the directory go together.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement, TransactionTrait};
use sea_orm_migration::MigratorTrait;

use super::aside::{beside, lock};
use super::leftover::Leftover;
use super::settings::Fleet;
use crate::context::{SchemaName, TenantId};
use crate::error::{Result, TenancyError};
use crate::ident::literal;
use crate::tenancy::{Placement, TenantRecord, TenantState};

/// What of a tenant may be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DropMode {
    /// Its schema with all that is in it, unless something outside of the schema is made of that: a view,
    /// a foreign key, a function.
    #[default]
    Restrict,
    /// What is made of it as well.
    Cascade,
}

impl<Shared: MigratorTrait, Tenant: MigratorTrait> Fleet<Shared, Tenant> {
    /// Drops a tenant for good: its schema with all rows, and what the directory knows of it.
    /// `confirmation` is its id once more.
    ///
    /// Of a tenant whose rows are with those of others, or in another database, only the directory
    /// forgets: its rows stay, and keep [`create`](Self::create) from making a tenant of that id there. To drop
    /// them as well, move it to a schema first ([`move_to`](Self::move_to)). A schema that is gone already is
    /// none to drop.
    ///
    /// What is cached for the tenant stays until its time to live has passed, and a new tenant of that id
    /// would find it: invalidate it afterwards, by `CacheClient::invalidate_tenant`, or remove it from Redis by
    /// `CacheClient::physical`.
    ///
    /// # Errors
    /// [`TenancyError::NotConfirmed`]; [`TenancyError::UnknownTenant`];
    /// [`TenancyError::HasDependents`]; [`TenancyError::State`] where a move has left rows elsewhere; the
    /// database's.
    ///
    /// # Cancel safety
    /// Where the future is dropped, all is gone or nothing.
    pub async fn drop(
        &self,
        tenant: &TenantId,
        confirmation: &str,
        mode: DropMode,
        db: &DatabaseConnection,
    ) -> Result<TenantRecord> {
        if confirmation != tenant.as_str() {
            let tenant = tenant.to_string();
            return Err(TenancyError::NotConfirmed { tenant }.into());
        }
        let aside = beside(db, 1)?;
        let transaction = aside.begin().await?;
        lock(tenant, &transaction).await?;
        let record = self.directory.known(tenant, &transaction).await?;
        if let Some(left) = Leftover::find(&self.directory, tenant, &transaction).await? {
            return Err(TenancyError::State {
                tenant: tenant.to_string(),
                state: format!("moving, with rows left at `{}`", left.placement),
                remedy: format!("end that by moving it to `{}`", record.placement),
            }
            .into());
        }
        // The schema of a tenant that was never finished is somebody else's.
        let is_made =
            record.state != TenantState::Creating && record.placement == Placement::Schema;
        if let Some(schema) = record.schema.as_ref().filter(|_| is_made) {
            if mode == DropMode::Restrict {
                refuse_dependents(tenant, schema, &transaction).await?;
            }
            let drop = format!("DROP SCHEMA IF EXISTS {} CASCADE", schema.sql());
            transaction.execute_unprepared(&drop).await?;
        }
        self.directory
            .forget(tenant, record.state, &transaction)
            .await?;
        transaction.commit().await?;
        aside.close().await?;
        Ok(record)
    }
}

/// The objects of a schema are tables with their like, functions and types; others depend on these by
/// rules (views), constraints, defaults, triggers and policies. The first name of an address is the schema.
const DEPENDENTS: &str = "
WITH inside AS (
    SELECT 'pg_class'::regclass AS classid, oid FROM pg_class WHERE relnamespace = {schema}
  UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE pronamespace = {schema}
  UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type WHERE typnamespace = {schema}
)
SELECT string_agg(DISTINCT i.type || ' ' || i.identity, ', ') AS dependents
FROM inside JOIN pg_depend d ON d.refclassid = inside.classid AND d.refobjid = inside.oid
CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) AS i
CROSS JOIN LATERAL pg_identify_object_as_address(d.classid, d.objid, d.objsubid) AS a
WHERE d.deptype IN ('n', 'a') AND a.object_names[1] <> {name}
  AND d.classid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass, 'pg_rewrite'::regclass,
    'pg_constraint'::regclass, 'pg_attrdef'::regclass, 'pg_trigger'::regclass, 'pg_policy'::regclass)";

/// Drops a tenant's schema with all that is in it, unless something outside of it is made of that.
pub async fn drop_schema<C: ConnectionTrait>(
    tenant: &TenantId,
    schema: &SchemaName,
    db: &C,
) -> Result<()> {
    refuse_dependents(tenant, schema, db).await?;
    let drop = format!("DROP SCHEMA {} CASCADE", schema.sql());
    db.execute_unprepared(&drop).await?;
    Ok(())
}

async fn refuse_dependents<C: ConnectionTrait>(
    tenant: &TenantId,
    schema: &SchemaName,
    db: &C,
) -> Result<()> {
    let oid = format!("to_regnamespace({})", literal(&schema.sql()));
    let sql = DEPENDENTS
        .replace("{schema}", &oid)
        .replace("{name}", &literal(schema.as_str()));
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let Some(row) = db.query_one_raw(statement).await? else {
        return Ok(());
    };
    match row.try_get::<Option<String>>("", "dependents")? {
        None => Ok(()),
        Some(dependents) => {
            let tenant = tenant.to_string();
            Err(TenancyError::HasDependents { tenant, dependents }.into())
        }
    }
}
