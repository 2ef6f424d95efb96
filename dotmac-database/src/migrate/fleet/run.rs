//! `Fleet::run`: brings all tenants to the current version.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures_util::{StreamExt, stream};
use sea_orm::{DatabaseConnection, TransactionTrait};
use sea_orm_migration::MigratorTrait;

use super::aside::{beside, enter, lock_template};
use super::event::{FleetEvent, told};
use super::report::{FleetReport, TenantFailure};
use super::settings::Fleet;
use super::snapshot::{Snapshot, note_template};
use super::tenant::{Outcome, is_current};
use crate::context::TenantId;
use crate::error::{Error, Result, TenancyError};
use crate::migrate::{Runner, pending};
use crate::tenancy::{SchemaStanding, SchemaVersion, TenantRecord};

/// How one tenant ended.
enum Ended {
    As(Result<Outcome>),
    /// The run had stopped before it began.
    Unbegun,
}

impl<Shared: MigratorTrait, Tenant: MigratorTrait> Fleet<Shared, Tenant> {
    /// Runs the shared migrations, then those of the template, then those of the tenants that are not
    /// current, several at a time; finishes tenants whose making was interrupted; and runs the hooks.
    ///
    /// A tenant that fails stays as it was, and the others go on: it is in the report and in the
    /// directory, and is tried again by the next run. Tenants that are registered during the run are
    /// included. Those that are archived or failed are left alone, as are those without a schema of
    /// their own. Where nothing is to be done, it takes three queries, for any number of tenants.
    ///
    /// # Errors
    /// Those of the shared migrations and of the template, after which no tenant is touched;
    /// [`Error::Hook`]; [`Error::Unsupported`] on SQLite. What happens to a tenant is no error, but in
    /// the report.
    ///
    /// # Guarantees
    /// The version in the directory is that of the schema: both are written in one transaction. Two runs
    /// at the same time migrate each tenant once.
    ///
    /// # Cancel safety
    /// Where the future is dropped, or the process killed, the tenants under way stay as they were, and
    /// the next run goes on from there.
    pub async fn run(&self, db: &DatabaseConnection) -> Result<FleetReport> {
        let aside = beside(db, self.concurrency)?;
        let shared = pending::<Shared>(db).await?;
        if !shared.is_empty() {
            self.tell(FleetEvent::Shared { pending: shared });
            Runner::<Shared>::new().up(None, db).await?;
        }
        let mut snapshot = self.snapshot(db).await?;
        self.migrate_template(snapshot.template.as_ref(), &aside)
            .await?;
        let mut report = FleetReport::default();
        let mut begun = HashSet::new();
        loop {
            let behind = self.behind(snapshot.tenants, &mut begun, &mut report);
            if behind.is_empty() || !self.migrate_in_order(behind, &mut report, &aside).await {
                break;
            }
            snapshot = self.snapshot(db).await?;
        }
        aside.close().await?;
        if !report.is_complete() {
            tracing::warn!(
                failed = report.failed.len(),
                remaining = report.remaining.len(),
                "the fleet is not current: hooks wait for it"
            );
        } else {
            self.hooks.run(db).await?;
        }
        Ok(report)
    }

    pub(super) async fn snapshot(&self, db: &DatabaseConnection) -> Result<Snapshot> {
        Snapshot::take(&self.directory, self.template.as_ref(), db).await
    }

    /// What of the tenants is to be done, and was not begun in this run.
    fn behind(
        &self,
        tenants: Vec<TenantRecord>,
        begun: &mut HashSet<TenantId>,
        report: &mut FleetReport,
    ) -> Vec<TenantRecord> {
        let version = self.version();
        let (behind, current): (Vec<_>, Vec<_>) = tenants
            .into_iter()
            .filter(|record| begun.insert(record.tenant.clone()))
            .partition(|record| !is_current(record, &version));
        report.skipped += current.len();
        if !behind.is_empty() {
            let behind = behind.len();
            self.tell(FleetEvent::Planned { behind });
        }
        behind
    }

    async fn migrate_template(
        &self,
        version: Option<&SchemaVersion>,
        aside: &DatabaseConnection,
    ) -> Result<()> {
        let Some(schema) = &self.template else {
            return Ok(());
        };
        let program = self.version();
        if SchemaVersion::standing(version, &program) == SchemaStanding::Current {
            return Ok(());
        }
        let schema = schema.clone();
        self.tell(FleetEvent::Template {
            schema: schema.clone(),
        });
        let transaction = aside.begin().await?;
        lock_template(&schema, &transaction).await?;
        self.make_schema(&schema, &transaction).await?;
        enter(&schema, &self.path, &transaction).await?;
        Tenant::up(&transaction, None).await?;
        note_template(&schema, &program, &transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// The canaries first; whether the run may go on.
    async fn migrate_in_order(
        &self,
        mut behind: Vec<TenantRecord>,
        report: &mut FleetReport,
        aside: &DatabaseConnection,
    ) -> bool {
        // Those of a second round follow a decision that was made.
        let is_first = report.done.is_empty() && report.failed.is_empty();
        if let Some(canary) = self.canary.as_ref().filter(|_| is_first) {
            let others = behind.split_off(canary.tenants.min(behind.len()));
            let goes_on = self.migrate_all(behind, report, aside).await;
            if !goes_on || !(canary.go_on)(report) {
                report
                    .remaining
                    .extend(others.into_iter().map(|it| it.tenant));
                self.tell(FleetEvent::Stopped {
                    remaining: report.remaining.len(),
                });
                return false;
            }
            behind = others;
        }
        let goes_on = self.migrate_all(behind, report, aside).await;
        if !goes_on {
            self.tell(FleetEvent::Stopped {
                remaining: report.remaining.len(),
            });
        }
        goes_on
    }

    /// Several at a time; whether the server is still there.
    async fn migrate_all(
        &self,
        tenants: Vec<TenantRecord>,
        report: &mut FleetReport,
        aside: &DatabaseConnection,
    ) -> bool {
        let stopped = AtomicBool::new(false);
        let stopped = &stopped;
        let work = stream::iter(tenants).map(|record| async move {
            if stopped.load(Ordering::Relaxed) {
                return (record.tenant, Ended::Unbegun);
            }
            let ended = self.migrate_and_tell(&record, aside).await;
            if let Err(error) = &ended
                && !self.note_failure(&record.tenant, error, aside).await
            {
                stopped.store(true, Ordering::Relaxed);
            }
            (record.tenant, Ended::As(ended))
        });
        let mut work = std::pin::pin!(work.buffer_unordered(self.concurrency));
        while let Some((tenant, ended)) = work.next().await {
            match ended {
                Ended::Unbegun => report.remaining.push(tenant),
                Ended::As(Ok(Outcome::Done)) => report.done.push(tenant),
                Ended::As(Ok(Outcome::Skipped)) => report.skipped += 1,
                Ended::As(Err(error)) => {
                    let error = told(&error);
                    report.failed.push(TenantFailure { tenant, error });
                }
            }
        }
        !stopped.load(Ordering::Relaxed)
    }

    async fn migrate_and_tell(
        &self,
        record: &TenantRecord,
        aside: &DatabaseConnection,
    ) -> Result<Outcome> {
        let tenant = record.tenant.clone();
        self.tell(FleetEvent::Started {
            tenant: tenant.clone(),
        });
        let begun = Instant::now();
        let ended = self.migrate(record, aside).await;
        self.tell(match &ended {
            Ok(Outcome::Done) => {
                let seconds = begun.elapsed().as_secs_f64();
                FleetEvent::Done { tenant, seconds }
            }
            Ok(Outcome::Skipped) => FleetEvent::Skipped { tenant },
            Err(error) => {
                let error = told(error);
                FleetEvent::Failed { tenant, error }
            }
        });
        ended
    }

    /// Notes it in the directory; whether there still is one to note it in.
    async fn note_failure(
        &self,
        tenant: &TenantId,
        error: &Error,
        aside: &DatabaseConnection,
    ) -> bool {
        let noted = self.directory.set_error(tenant, &told(error), aside).await;
        match noted {
            // Dropped meanwhile: nobody asks any more.
            Ok(()) | Err(Error::Tenancy(TenancyError::UnknownTenant { .. })) => true,
            Err(error) => {
                tracing::error!(%error, %tenant, "the failure cannot be noted: the run stops");
                false
            }
        }
    }
}
