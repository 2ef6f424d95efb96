//! `Fleet`: the migrations of a program, where its tenants are listed, and how they are migrated.

use std::future::Future;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::pin::Pin;

use futures_util::future::BoxFuture;
use sea_orm::DatabaseConnection;
use sea_orm_migration::MigratorTrait;

use super::event::FleetEvent;
use super::report::FleetReport;
use crate::context::{SchemaName, SearchPath};
use crate::error::Result;
use crate::migrate::hook::{HookResult, Hooks};
use crate::tenancy::{DatabaseName, Directory, SchemaVersion};

/// All tenants of a program: `Shared` are the migrations of the schema that they share, with the
/// directory among them, `Tenant` those of a tenant's own schema.
///
/// Its functions take the migrator's connection. Each tenant is changed in a transaction of its own,
/// under a lock of its own, so that two processes do not change one tenant at a time; the lock and the
/// transaction end with the connection, whatever happens to the process. The migrations of a tenant run
/// in that one transaction: `CREATE INDEX CONCURRENTLY`, which takes none, does not work in them.
///
/// # Examples
/// ```no_run
/// # use dotmac_database::TenantId;
/// # use dotmac_database::migrate::Fleet;
/// # use dotmac_database::tenancy::Placement;
/// # use sea_orm_migration::MigratorTrait;
/// # async fn work<Shared: MigratorTrait, Tenant: MigratorTrait>(
/// #     db: &sea_orm::DatabaseConnection,
/// # ) -> dotmac_database::Result<()> {
/// let fleet = Fleet::<Shared, Tenant>::new();
/// let report = fleet.run(db).await?;
/// assert!(report.is_complete(), "{:?}", report.failed);
/// fleet.create(&TenantId::parse("acme")?, &Placement::Schema, db).await?;
/// # Ok(()) }
/// ```
pub struct Fleet<Shared, Tenant> {
    pub(super) directory: Directory,
    pub(super) template: Option<SchemaName>,
    pub(super) path: SearchPath,
    pub(super) concurrency: usize,
    pub(super) hooks: Hooks,
    pub(super) observer: Box<dyn Fn(&FleetEvent) + Send + Sync>,
    pub(super) canary: Option<Canary>,
    pub(super) databases: Option<Box<Databases>>,
    pub(super) pg_dump: PathBuf,
    migrators: PhantomData<fn() -> (Shared, Tenant)>,
}

/// The tenants that go first, and who decides whether the others follow.
pub(super) struct Canary {
    pub tenants: usize,
    pub go_on: Box<dyn Fn(&FleetReport) -> bool + Send + Sync>,
}

type Databases =
    dyn Fn(DatabaseName) -> BoxFuture<'static, Result<DatabaseConnection>> + Send + Sync;

impl<Shared: MigratorTrait, Tenant: MigratorTrait> Fleet<Shared, Tenant> {
    /// How many tenants are migrated at a time by default.
    pub const CONCURRENCY: usize = 4;

    /// The fleet of the directory in `public`; no template, hooks or canary.
    pub fn new() -> Self {
        Fleet {
            directory: Directory::new(),
            template: None,
            path: SearchPath::tenant(),
            concurrency: Self::CONCURRENCY,
            hooks: Hooks::default(),
            observer: Box::new(|_| {}),
            canary: None,
            databases: None,
            pg_dump: PathBuf::from("pg_dump"),
            migrators: PhantomData,
        }
    }

    /// The tenants of another directory.
    pub fn directory(self, directory: Directory) -> Self {
        Fleet { directory, ..self }
    }

    /// Migrates the schema of that name before the tenants, and makes new tenants as copies of it, with
    /// the rows that are in it. A run makes it where it does not exist.
    pub fn template(self, schema: SchemaName) -> Self {
        let template = Some(schema);
        Fleet { template, ..self }
    }

    /// Has a tenant's migrations find unqualified names in these schemas too, after the tenant's own, as the
    /// sessions of the program do. What they make is in the tenant's.
    pub fn search_path(self, path: SearchPath) -> Self {
        Fleet { path, ..self }
    }

    /// So many tenants at a time, each on a connection of its own; one at least.
    pub fn concurrency(self, tenants: usize) -> Self {
        let concurrency = tenants.max(1);
        Fleet {
            concurrency,
            ..self
        }
    }

    /// Adds a hook that runs at the end of each run that leaves all tenants current, after those that
    /// were added before it; also where nothing was to be done, so that one that failed is run again.
    pub fn after<F>(mut self, name: &'static str, hook: F) -> Self
    where
        F: for<'a> Fn(
                &'a DatabaseConnection,
            ) -> Pin<Box<dyn Future<Output = HookResult> + Send + 'a>>
            + Send
            + Sync
            + 'static,
    {
        self.hooks.add(name, hook);
        self
    }

    /// Is told what happens in a run. It is called between the steps, so it must be quick.
    pub fn observe(self, observer: impl Fn(&FleetEvent) + Send + Sync + 'static) -> Self {
        let observer = Box::new(observer);
        Fleet { observer, ..self }
    }

    /// Migrates so many tenants first, the first by their ids, and asks whether the others shall follow:
    /// [`FleetReport::is_complete`] is a good answer.
    pub fn canary(
        self,
        tenants: usize,
        go_on: impl Fn(&FleetReport) -> bool + Send + Sync + 'static,
    ) -> Self {
        let go_on = Box::new(go_on);
        let canary = Some(Canary { tenants, go_on });
        Fleet { canary, ..self }
    }

    /// Says how to connect to the databases of tenants that have another one, as their migrator.
    ///
    /// The tenant's migrations run there in the schema that the connection's search path finds first, once
    /// for all tenants that share the database; the shared migrations do not. Where both have the table
    /// `seaql_migrations`, those of tenants are remembered in `seaql_migrations_tenant` there, so that a program
    /// may run the shared ones as well.
    pub fn databases<F, Fut>(self, connect: F) -> Self
    where
        F: Fn(DatabaseName) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<DatabaseConnection>> + Send + 'static,
    {
        let connect: Box<Databases> = Box::new(move |name| Box::pin(connect(name)));
        let databases = Some(connect);
        Fleet { databases, ..self }
    }

    /// The program that writes archives, of the server's version or a newer one; by default the `pg_dump` that
    /// `PATH` leads to.
    pub fn pg_dump(self, program: impl Into<PathBuf>) -> Self {
        let pg_dump = program.into();
        Fleet { pg_dump, ..self }
    }

    /// The version of a tenant's schema that has all migrations.
    pub fn version(&self) -> SchemaVersion {
        let migrations = Tenant::migrations();
        let names: Vec<&str> = migrations.iter().map(|it| it.name()).collect();
        SchemaVersion::of(&names)
    }

    pub(super) fn tell(&self, event: FleetEvent) {
        (self.observer)(&event);
    }
}

impl<Shared: MigratorTrait, Tenant: MigratorTrait> Default for Fleet<Shared, Tenant> {
    fn default() -> Self {
        Self::new()
    }
}
