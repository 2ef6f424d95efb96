//! `rls check` and `rls diff`: does the database protect the tenants of this program?

use std::process::ExitCode;

use clap::{Args, Subcommand};
use dotmac_database::rls::{self, Report, Roles};
use sea_orm::DatabaseConnection;

use super::arguments::{Error, Filter};

/// Looks at row-level security.
#[derive(Args)]
#[command(after_help = "\
Examples:
  migration rls check                       what lets rows cross, with the SQL that mends it
  migration rls check --json                the same for a program
  migration rls diff --fix > src/m….rs      a migration that brings policies and rights back

The exit code is 1 where something was found that is more than advice.")]
pub struct Rls {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tells what lets rows cross tenants: roles, tables, policies, views, functions, rights, keys.
    Check {
        /// JSON: an object with `findings`, each with severity, rule, object, why and remedy.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        filter: Filter,
    },
    /// Tells how row-level security, policies and rights differ from what the entities ask for.
    Diff {
        /// JSON, as of `check`.
        #[arg(long, conflicts_with = "fix")]
        json: bool,
        /// Print a migration that mends it.
        #[arg(long)]
        fix: bool,
        #[command(flatten)]
        filter: Filter,
    },
}

impl Rls {
    pub async fn run(self, db: &DatabaseConnection) -> Result<ExitCode, Error> {
        let roles = Roles::of_database(db).await?;
        let (report, text) = match self.command {
            Command::Check { json, filter } => {
                let report = rls::check(db, &roles, &filter.include()).await?;
                let text = shown(&report, json)?;
                (report, text)
            }
            Command::Diff { json, fix, filter } => {
                let report = rls::check(db, &roles, &filter.include()).await?.installed();
                let text = match fix {
                    true => rls::migration(&report),
                    false => shown(&report, json)?,
                };
                (report, text)
            }
        };
        println!("{}", text.trim_end());
        Ok(match report.is_safe() {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }
}

fn shown(report: &Report, json: bool) -> Result<String, Error> {
    Ok(match json {
        true => serde_json::to_string_pretty(report)?,
        false => report.to_string(),
    })
}
