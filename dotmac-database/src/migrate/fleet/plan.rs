//! `Fleet::plan`: what a run would do.

use futures_util::{StreamExt, stream};
use sea_orm::{DatabaseConnection, TransactionTrait};
use sea_orm_migration::MigratorTrait;
use serde::Serialize;

use super::aside::{beside, enter};
use super::event::told;
use super::history::{Apart, is_common};
use super::settings::Fleet;
use super::tenant::is_current;
use crate::context::{SchemaName, TenantId};
use crate::error::Result;
use crate::migrate::pending;
use crate::tenancy::{Placement, SchemaStanding, SchemaVersion, TenantRecord, TenantState};

/// What [`Fleet::run`] would do now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FleetPlan {
    /// The shared migrations that have not run.
    pub shared: Vec<String>,
    /// Whether the template is not current.
    pub template: bool,
    /// The tenants that are not current.
    pub tenants: Vec<TenantPlan>,
    /// How many are.
    pub current: usize,
}

/// What a run would do for a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TenantPlan {
    /// The tenant.
    pub tenant: TenantId,
    /// The migrations of its schema that have not run.
    pub pending: Vec<String>,
    /// Why that cannot be told: then a run would fail for this tenant.
    pub error: Option<String>,
}

impl<Shared: MigratorTrait, Tenant: MigratorTrait> Fleet<Shared, Tenant> {
    /// Tells what [`run`](Self::run) would do, and does nothing. What the directory knows of tenants
    /// counts; where a tenant is behind, its schema is asked which migrations it lacks.
    ///
    /// # Errors
    /// The database's, for instance where the shared migrations never ran, and there is no directory.
    ///
    /// # Cancel safety
    /// Safe at any point.
    pub async fn plan(&self, db: &DatabaseConnection) -> Result<FleetPlan> {
        let aside = beside(db, self.concurrency)?;
        let shared = pending::<Shared>(db).await?;
        let snapshot = self.snapshot(db).await?;
        let program = self.version();
        let template = SchemaVersion::standing(snapshot.template.as_ref(), &program);
        let all = snapshot.tenants.len();
        let behind: Vec<TenantRecord> = snapshot
            .tenants
            .into_iter()
            .filter(|record| !is_current(record, &program))
            .collect();
        let plans = stream::iter(behind).map(|record| self.plan_for(record, &aside));
        let tenants: Vec<TenantPlan> = plans.buffered(self.concurrency).collect().await;
        aside.close().await?;
        Ok(FleetPlan {
            shared,
            template: self.template.is_some() && template != SchemaStanding::Current,
            current: all - tenants.len(),
            tenants,
        })
    }

    async fn plan_for(&self, record: TenantRecord, aside: &DatabaseConnection) -> TenantPlan {
        let (pending, error) = match self.pending_of(&record, aside).await {
            Ok(pending) => (pending, None),
            Err(error) => (Vec::new(), Some(told(&error))),
        };
        TenantPlan {
            tenant: record.tenant,
            pending,
            error,
        }
    }

    async fn pending_of(
        &self,
        record: &TenantRecord,
        aside: &DatabaseConnection,
    ) -> Result<Vec<String>> {
        if record.state == TenantState::Creating {
            let all = Tenant::migrations();
            return Ok(all.iter().map(|it| it.name().to_owned()).collect());
        }
        match &record.placement {
            Placement::Database(name) => {
                let theirs = beside(&self.connect(&record.tenant, name).await?, 1)?;
                self.pending_in(record.schema.as_ref(), &theirs).await
            }
            _ => self.pending_in(record.schema.as_ref(), aside).await,
        }
    }

    async fn pending_in(
        &self,
        schema: Option<&SchemaName>,
        db: &DatabaseConnection,
    ) -> Result<Vec<String>> {
        let transaction = db.begin().await?;
        let pending = match schema {
            Some(schema) => {
                enter(schema, &self.path, &transaction).await?;
                pending::<Tenant>(&transaction).await?
            }
            None if is_common::<Shared, Tenant, _>(&transaction).await? => {
                pending::<Tenant>(&transaction).await?
            }
            None => pending::<Apart<Shared, Tenant>>(&transaction).await?,
        };
        transaction.rollback().await?;
        Ok(pending)
    }
}
