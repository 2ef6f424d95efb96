//! `tenants …`: what each of its commands does.

use std::path::Path;
use std::process::ExitCode;

use sea_orm::DatabaseConnection;
use sea_orm_migration::MigratorTrait;

use super::arguments::{Command, Tenants};
use super::confirm::confirmation;
use super::progress::Progress;
use super::show;
use crate::context::TenantId;
use crate::error::Result;
use crate::migrate::{DropMode, Fleet, FleetReport};
use crate::tenancy::{CloneData, Listing, TenantState};

/// Some tenants are not current.
const PARTLY: u8 = 3;

impl Tenants {
    /// Runs the command on the fleet, on the migrator's connection, and prints what comes of it.
    ///
    /// The answer is 0 where all is well, and 3 where some tenants are not current; an error is the
    /// caller's to print, and to answer with 1.
    ///
    /// # Errors
    /// Those of [`Fleet`], whose messages are meant for the terminal.
    ///
    /// # Cancel safety
    /// As the functions of [`Fleet`]: nothing is half done, and the same command goes on.
    pub async fn run<Shared, Tenant>(
        self,
        fleet: Fleet<Shared, Tenant>,
        db: &DatabaseConnection,
    ) -> Result<ExitCode>
    where
        Shared: MigratorTrait,
        Tenant: MigratorTrait,
    {
        let record = match self.command {
            Command::List { state, json } => {
                list(&fleet, state, json, db).await?;
                return Ok(ExitCode::SUCCESS);
            }
            Command::Status { json } => {
                let is_current = plan(&fleet, json, db).await?;
                return Ok(exit_code(is_current));
            }
            Command::Migrate {
                dry_run: true,
                json,
                ..
            } => {
                plan(&fleet, json, db).await?;
                return Ok(ExitCode::SUCCESS);
            }
            Command::Migrate {
                concurrency,
                canary,
                canary_only,
                json,
                ..
            } => {
                let fleet = fleet.concurrency(concurrency.into());
                let fleet = match canary {
                    Some(tenants) => fleet.canary(tenants, move |report| {
                        !canary_only && FleetReport::is_complete(report)
                    }),
                    None => fleet,
                };
                let is_complete = migrate(fleet, json, db).await?;
                return Ok(exit_code(is_complete));
            }
            Command::Archive {
                tenant,
                folder,
                no_file,
                pg_dump,
            } => {
                let folder = (!no_file).then_some(folder.as_path());
                archive(&fleet.pg_dump(pg_dump), &tenant, folder, db).await?;
                return Ok(ExitCode::SUCCESS);
            }
            Command::Drop {
                tenant,
                confirm,
                cascade,
            } => {
                let mode = match cascade {
                    true => DropMode::Cascade,
                    false => DropMode::Restrict,
                };
                let confirmation = confirmation(confirm, &tenant);
                fleet.drop(&tenant, &confirmation, mode, db).await?;
                println!("{tenant}: dropped");
                return Ok(ExitCode::SUCCESS);
            }
            Command::Create { tenant, placement } => fleet.create(&tenant, &placement, db).await?,
            Command::Clone { from, to, data } => {
                let data = match data {
                    true => CloneData::All,
                    false => CloneData::None,
                };
                fleet.clone_tenant(&from, &to, data, db).await?
            }
            Command::Rename { tenant, schema } => fleet.rename(&tenant, &schema, db).await?,
            Command::Move { tenant, to } => fleet.move_to(&to, &tenant, db).await?,
            Command::Suspend { tenant } => fleet.suspend(&tenant, db).await?,
            Command::Resume { tenant } => fleet.resume(&tenant, db).await?,
        };
        show::record(&record);
        Ok(ExitCode::SUCCESS)
    }
}

fn exit_code(is_complete: bool) -> ExitCode {
    match is_complete {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(PARTLY),
    }
}

async fn list<Shared: MigratorTrait, Tenant: MigratorTrait>(
    fleet: &Fleet<Shared, Tenant>,
    state: Option<TenantState>,
    json: bool,
    db: &DatabaseConnection,
) -> Result<()> {
    let mut listing = Listing::default();
    if let Some(state) = state {
        listing = listing.state(state);
    }
    loop {
        let page = fleet.list(&listing, db).await?;
        for record in &page {
            match json {
                true => show::json(record),
                false => show::record(record),
            }
        }
        let Some(last) = page.last() else {
            return Ok(());
        };
        listing = listing.after(last.tenant.clone());
    }
}

async fn plan<Shared: MigratorTrait, Tenant: MigratorTrait>(
    fleet: &Fleet<Shared, Tenant>,
    json: bool,
    db: &DatabaseConnection,
) -> Result<bool> {
    let plan = fleet.plan(db).await?;
    match json {
        true => show::json(&plan),
        false => show::plan(&plan),
    }
    Ok(plan.shared.is_empty() && !plan.template && plan.tenants.is_empty())
}

async fn migrate<Shared: MigratorTrait, Tenant: MigratorTrait>(
    fleet: Fleet<Shared, Tenant>,
    json: bool,
    db: &DatabaseConnection,
) -> Result<bool> {
    let progress = Progress::new(json);
    let fleet = fleet.observe(move |event| progress.tell(event));
    let report = fleet.run(db).await?;
    show::report(&report, json);
    Ok(report.is_complete())
}

async fn archive<Shared: MigratorTrait, Tenant: MigratorTrait>(
    fleet: &Fleet<Shared, Tenant>,
    tenant: &TenantId,
    folder: Option<&Path>,
    db: &DatabaseConnection,
) -> Result<()> {
    let archived = fleet.archive(tenant, folder, db).await?;
    show::record(&archived.record);
    if let Some(file) = archived.file {
        println!("{}", file.display());
    }
    Ok(())
}
