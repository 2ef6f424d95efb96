//! The arguments of `tenants`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::context::{SchemaName, TenantId};
use crate::tenancy::{Placement, TenantState};

/// Makes, changes, migrates and drops tenants.
///
/// # Examples
/// ```no_run
/// use clap::Parser;
/// use dotmac_database::cli::Tenants;
/// use dotmac_database::migrate::Fleet;
/// # use sea_orm_migration::MigratorTrait;
///
/// #[derive(Parser)]
/// enum Command {
///     Tenants(Tenants),
/// }
///
/// # async fn run<Shared: MigratorTrait, Tenant: MigratorTrait>(
/// #     db: sea_orm::DatabaseConnection,
/// # ) -> dotmac_database::Result<std::process::ExitCode> {
/// let Command::Tenants(tenants) = Command::parse();
/// tenants.run(Fleet::<Shared, Tenant>::new(), &db).await
/// # }
/// ```
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tenants create acme                        a tenant with a schema of its own
  tenants create beta --placement rows       one whose rows are with those of others
  tenants migrate --canary 3                 three first; the others if these succeed
  tenants migrate --dry-run                  what would run where
  tenants move beta --to schema              out of the shared tables; suspend it before
  tenants status                             who is not current, and why
  tenants drop acme --confirm acme           gone for good

Exit codes: 0 all is well, 1 an error, 2 wrong arguments, 3 some tenants are not current.")]
pub struct Tenants {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Makes a tenant, or finishes one whose making was interrupted.
    Create {
        /// Its id.
        tenant: TenantId,
        /// Where its rows are: `schema`, `rows` or `database:<name>`.
        #[arg(long, default_value = "schema")]
        placement: Placement,
    },
    /// Tells the tenants.
    List {
        /// Only those in this state: creating, active, suspended, archived or failed.
        #[arg(long)]
        state: Option<TenantState>,
        /// JSON, a line for each.
        #[arg(long)]
        json: bool,
    },
    /// Tells which tenants are not current; then the exit code is 3.
    Status {
        /// JSON: shared migrations, the template, the tenants behind, and how many are current.
        #[arg(long)]
        json: bool,
    },
    /// Migrates the shared schema, the template, and all tenants that are not current.
    ///
    /// A tenant that fails stays as it was, and the others go on; the exit code is 3, and another run
    /// takes up what is left.
    Migrate {
        /// How many tenants at a time.
        #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=100))]
        concurrency: u16,
        /// Migrate so many first, and stop where one of them fails.
        #[arg(long)]
        canary: Option<usize>,
        /// Stop after the canaries in any case.
        #[arg(long, requires = "canary")]
        canary_only: bool,
        /// Tell what would run where, and run nothing.
        #[arg(long)]
        dry_run: bool,
        /// JSON, a line for each event, and one for the end.
        #[arg(long)]
        json: bool,
    },
    /// Makes a tenant by the pattern of another one.
    Clone {
        /// The tenant that is copied.
        from: TenantId,
        /// The id of the new one.
        to: TenantId,
        /// Copy the rows as well; they become the new tenant's.
        #[arg(long)]
        data: bool,
    },
    /// Gives the schema of a tenant that is not served another name, or its own one back; its id stays.
    Rename {
        /// The tenant.
        tenant: TenantId,
        /// The schema's new name.
        schema: SchemaName,
    },
    /// Moves a suspended tenant's rows to a schema of its own, the shared tables or another database.
    ///
    /// Where a move was interrupted, the same command goes on, and removes what is left in the other place.
    Move {
        /// The tenant.
        tenant: TenantId,
        /// Where to: `schema`, `rows` or `database:<name>`.
        #[arg(long)]
        to: Placement,
    },
    /// Has a tenant's requests refused.
    Suspend {
        /// The tenant.
        tenant: TenantId,
    },
    /// Has a tenant served again, after migrating it where it fell behind.
    Resume {
        /// The tenant.
        tenant: TenantId,
    },
    /// Takes a tenant out of service, and writes its schema to a file by pg_dump.
    Archive {
        /// The tenant.
        tenant: TenantId,
        /// Where the file goes.
        #[arg(long, default_value = ".")]
        folder: PathBuf,
        /// Write no file.
        #[arg(long, conflicts_with_all = ["folder", "pg_dump"])]
        no_file: bool,
        /// The program that writes it, of the server's version or a newer one.
        #[arg(long, default_value = "pg_dump")]
        pg_dump: PathBuf,
    },
    /// Drops a tenant for good, with its schema and all rows.
    Drop {
        /// The tenant.
        tenant: TenantId,
        /// Its id once more; without it, a terminal is asked.
        #[arg(long)]
        confirm: Option<String>,
        /// Drop also what outside of the schema is made of what is in it, such as views.
        #[arg(long)]
        cascade: bool,
    },
}
