//! The arguments of the migration command line.

use clap::Parser;
use dotmac_database::migrate::database_url;
use sea_orm::{ConnectOptions, Database, DatabaseConnection};
use sea_orm_cli::MigrateSubcommands;
use sea_orm_migration::cli::run_migrate;

use crate::Migrator;

/// Migrates the example application's database.
///
/// The database is found by --database-url, else DATABASE_URL, else DB_HOST, DB_PORT, DB_NAME,
/// DB_USER and DB_PASSWORD.
#[derive(Parser)]
#[command(version)]
pub struct Cli {
    /// Show debug messages.
    #[arg(short, long, global = true)]
    verbose: bool,

    /// The schema to migrate; SQLite has none.
    #[arg(short = 's', long, global = true, env = "DATABASE_SCHEMA")]
    database_schema: Option<String>,

    /// The database.
    #[arg(short = 'u', long, global = true)]
    database_url: Option<String>,

    /// What to do; without it, all that is pending is applied.
    #[command(subcommand)]
    command: Option<MigrateSubcommands>,
}

impl Cli {
    /// Runs the command.
    ///
    /// # Errors
    /// What went wrong, for a human.
    pub async fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        // What writes files only needs no database.
        let connection = match self.command {
            Some(MigrateSubcommands::Init | MigrateSubcommands::Generate { .. }) => {
                DatabaseConnection::default()
            }
            _ => self.connect().await?,
        };
        run_migrate(Migrator, &connection, self.command, self.verbose).await
    }

    async fn connect(&self) -> Result<DatabaseConnection, Box<dyn std::error::Error>> {
        let url = database_url(self.database_url.as_deref())?;
        let mut options = ConnectOptions::new(url);
        if let Some(schema) = &self.database_schema {
            options.set_schema_search_path(schema);
        }
        Ok(Database::connect(options).await?)
    }
}
