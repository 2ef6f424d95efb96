//! The arguments of the migration command line.

use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use dotmac_database::cli::Tenants;
use dotmac_database::migrate::{
    Comparison, Generate, Include, Runner, database_url, diff, generate,
};
use sea_orm::{ConnectOptions, Database, DatabaseConnection};
use sea_orm_migration::{MigratorTrait, SchemaManager};
use tracing_subscriber::EnvFilter;

use super::databases::{TenantDatabase, fleet};
use super::rls::Rls;
use crate::Migrator;

/// Migrates the example application's database.
///
/// The database is found by --database-url, else DATABASE_URL, else DB_HOST, DB_PORT, DB_NAME,
/// DB_USER and DB_PASSWORD. Exit codes: 0 all is well, 1 an error or something that `rls` found, 2
/// wrong arguments, 3 something is left to decide (`generate`), differs (`diff`), or tenants are not
/// current (`tenants`).
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

    /// A database that tenants may be placed in, as `<name>=<url>` of its migrator; can be given several
    /// times. The variable separates them by commas, and shows no password to who lists processes.
    #[arg(
        long = "tenant-database",
        value_name = "NAME=URL",
        global = true,
        env = "TENANT_DATABASES",
        hide_env_values = true,
        value_delimiter = ','
    )]
    tenant_databases: Vec<TenantDatabase>,

    /// What to do; without it, all that is pending is applied.
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Applies pending migrations.
    Up {
        /// How many; without it, all.
        #[arg(short, long)]
        num: Option<u32>,
    },
    /// Takes migrations back.
    Down {
        /// How many.
        #[arg(short, long, default_value = "1")]
        num: u32,
    },
    /// Drops all tables, and applies all migrations.
    Fresh,
    /// Takes all migrations back, and applies them again.
    Refresh,
    /// Takes all migrations back.
    Reset,
    /// Tells which migrations are applied.
    Status,
    /// Tells how the database differs from the entities.
    Diff {
        /// The entities, by table or by the end of their path; without it, all.
        #[arg(short, long)]
        entity: Vec<String>,
        #[command(flatten)]
        filter: Filter,
    },
    /// Writes a migration and adds it to the migrator: empty, or what brings the database to the
    /// entities.
    Generate {
        /// The migration's name.
        name: String,
        /// An entity, by table or by the end of its path; can be given several times.
        #[arg(short, long, conflicts_with = "all")]
        entity: Vec<String>,
        /// All entities.
        #[arg(short, long)]
        all: bool,
        /// Drop columns, indexes and foreign keys that are in the database only.
        #[arg(long)]
        drop: bool,
        /// The folder of the crate with the migrations.
        #[arg(short = 'd', long, default_value = env!("CARGO_MANIFEST_DIR"))]
        migration_dir: String,
        #[command(flatten)]
        filter: Filter,
    },
    Rls(Rls),
    Tenants(Tenants),
    /// Prints what a shell completes these commands by.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// What of the database is looked at; `*` and `?` are wildcards.
#[derive(Args)]
pub(super) struct Filter {
    /// Only these schemas.
    #[arg(long, value_delimiter = ',')]
    schemas: Vec<String>,
    /// Only these tables.
    #[arg(long, value_delimiter = ',')]
    tables: Vec<String>,
    /// Not these tables.
    #[arg(long, value_delimiter = ',')]
    except_tables: Vec<String>,
    /// Only these indexes.
    #[arg(long, value_delimiter = ',')]
    indexes: Vec<String>,
    /// Not these indexes.
    #[arg(long, value_delimiter = ',')]
    except_indexes: Vec<String>,
}

pub(super) type Error = Box<dyn std::error::Error>;

/// The exit code that asks for a look.
const LOOK: u8 = 3;

impl Cli {
    /// Runs the command.
    ///
    /// # Errors
    /// What went wrong, for a human.
    pub async fn run(self) -> Result<ExitCode, Error> {
        let level = if self.verbose { "debug" } else { "info" };
        // Of a thousand tenants, nobody reads that each migration of each begins and ends.
        let each = match &self.command {
            Some(Command::Tenants(_)) if !self.verbose => "warn",
            _ => level,
        };
        let filter = format!("sea_orm_migration={each},dotmac_database={each}");
        let log = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::try_new(filter)?)
            .with_writer(std::io::stderr)
            .with_target(false)
            .without_time();
        // A program that runs several commands has a log already.
        let _ = log.try_init();
        // An empty migration needs no database, nor do completions.
        let db = match &self.command {
            Some(Command::Generate { entity, all, .. }) if !all && entity.is_empty() => {
                DatabaseConnection::default()
            }
            Some(Command::Completions { .. }) => DatabaseConnection::default(),
            _ => self.connect().await?,
        };
        let runner = runner();
        match self.command.unwrap_or(Command::Up { num: None }) {
            Command::Up { num } => runner.up(num, &db).await?,
            Command::Down { num } => runner.down(Some(num), &db).await?,
            Command::Fresh => runner.fresh(&db).await?,
            Command::Refresh => runner.refresh(&db).await?,
            Command::Reset => runner.reset(&db).await?,
            Command::Status => Migrator::status(&db).await?,
            Command::Rls(rls) => return rls.run(&db).await,
            Command::Tenants(tenants) => {
                let fleet = fleet(self.tenant_databases);
                return Ok(tenants.run(fleet, &db).await?);
            }
            Command::Completions { shell } => {
                let mut command = Cli::command();
                let name = command.get_name().to_owned();
                clap_complete::generate(shell, &mut command, name, &mut std::io::stdout());
            }
            Command::Diff { entity, filter } => {
                return differences(filter.comparison(entity), &db).await;
            }
            Command::Generate {
                name,
                entity,
                all,
                drop,
                migration_dir,
                filter,
            } => {
                let mut request = Generate::new(name, migration_dir).drop(drop);
                if all || !entity.is_empty() {
                    request = request.difference(filter.comparison(entity));
                }
                return write(request, &db).await;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn connect(&self) -> Result<DatabaseConnection, Error> {
        let url = database_url(self.database_url.as_deref())?;
        let mut options = ConnectOptions::new(url);
        if let Some(schema) = &self.database_schema {
            options.set_schema_search_path(schema);
        }
        Ok(Database::connect(options).await?)
    }
}

/// The migrations, and what runs after them.
fn runner() -> Runner<Migrator> {
    Runner::new()
}

impl Filter {
    fn comparison(self, entities: Vec<String>) -> Comparison {
        let all = Comparison::all().include(self.include());
        entities.into_iter().fold(all, Comparison::entity)
    }

    pub(super) fn include(self) -> Include {
        Include::all()
            .schemas(self.schemas)
            .tables(self.tables)
            .except_tables(self.except_tables)
            .indexes(self.indexes)
            .except_indexes(self.except_indexes)
    }
}

async fn differences(comparison: Comparison, db: &DatabaseConnection) -> Result<ExitCode, Error> {
    let differences = diff(&comparison, &SchemaManager::new(db)).await?;
    for difference in &differences {
        println!("{difference}");
    }
    Ok(match differences.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(LOOK),
    })
}

async fn write(request: Generate, db: &DatabaseConnection) -> Result<ExitCode, Error> {
    let generated = generate::<Migrator>(&request, db).await?;
    match &generated.file {
        Some(file) => println!("{}", file.display()),
        None => println!("no difference: nothing is written"),
    }
    for undecided in &generated.undecided {
        eprintln!("decide: {undecided}");
    }
    Ok(match generated.undecided.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(LOOK),
    })
}
