//! A database with a directory, and the migrations of two programs: an old one and a new one.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dotmac_database::migrate::{Fleet, install_directory, remove_directory};
use dotmac_database::prelude::*;
use dotmac_database::rls::Login;
use dotmac_database::tenancy::{Directory, Placement, TenantRecord, TenantState};
use dotmac_database::testing::MigratedDatabase;
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, Statement};
use sea_orm_migration::prelude::*;

use crate::support::{admin, server};

/// The migrations of the shared schema.
pub struct Shared;

impl MigratorTrait for Shared {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Listed)]
    }
}

/// The migrations of a tenant's schema in the old program.
pub struct Old;

impl MigratorTrait for Old {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Notes)]
    }
}

/// Those in the new one.
pub struct New;

impl MigratorTrait for New {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Notes), Box::new(Bodies)]
    }
}

/// Those of a program whose tenants' tables use what is in another schema.
pub struct Tooled;

impl MigratorTrait for Tooled {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Notes), Box::new(Tools)]
    }
}

/// Declares a migration that is SQL.
macro_rules! sql_migration {
    ($ty:ident, $name:literal, $up:expr) => {
        struct $ty;

        impl MigrationName for $ty {
            fn name(&self) -> &str {
                $name
            }
        }

        #[async_trait::async_trait]
        impl MigrationTrait for $ty {
            async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
                let db = manager.get_connection();
                for sql in $up {
                    db.execute_unprepared(sql).await?;
                }
                Ok(())
            }
        }
    };
}

sql_migration!(
    Notes,
    "m1_notes",
    ["CREATE TABLE notes (id integer PRIMARY KEY)"]
);

// It waits for whoever holds the gate, and fails where the schema has an obstacle: half way through.
sql_migration!(
    Bodies,
    "m2_bodies",
    [
        "ALTER TABLE notes ADD COLUMN body text",
        "SELECT pg_advisory_xact_lock_shared(7)",
        "CREATE TABLE obstacle (id integer)",
    ]
);

sql_migration!(
    Tools,
    "m2_tools",
    ["ALTER TABLE notes ADD COLUMN body text DEFAULT tool()"]
);

struct Listed;

impl MigrationName for Listed {
    fn name(&self) -> &str {
        "m1_directory"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Listed {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Ok(install_directory(&Directory::new(), manager).await?)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Ok(remove_directory(&Directory::new(), manager).await?)
    }
}

/// None at all.
pub struct Nothing;

impl MigratorTrait for Nothing {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        Vec::new()
    }
}

/// How many polls a future takes to its end: most of them while it logs in.
pub async fn polls_of<F: Future>(future: F) -> usize {
    let mut future = std::pin::pin!(future);
    let mut polls = 0;
    std::future::poll_fn(|cx| {
        polls += 1;
        future.as_mut().poll(cx).map(drop)
    })
    .await;
    polls
}

/// Numbers of polls after which to drop a future that takes about `all`: each after it has logged in,
/// and some beyond, because no two take the same.
pub fn last_polls(all: usize, steps: usize) -> std::ops::Range<usize> {
    all.saturating_sub(steps).max(1)..all + steps
}

pub fn old() -> Fleet<Shared, Old> {
    Fleet::new()
}

pub fn new() -> Fleet<Shared, New> {
    Fleet::new()
}

pub fn id(tenant: &str) -> TenantId {
    TenantId::parse(tenant).unwrap()
}

/// What there is of a tenant at one moment.
pub struct Moment {
    pub state: Option<TenantState>,
    pub version: Option<String>,
    pub has_schema: bool,
    pub shape: String,
}

pub struct Bed {
    pub database: MigratedDatabase<'static>,
    /// The migrator's connection, as a command line has it.
    pub migrator: DatabaseConnection,
    /// One that sees everything.
    pub admin: DatabaseConnection,
    pub directory: Directory,
}

impl Bed {
    pub async fn open() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("fleet_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        Self::of(server().migrated::<Shared>(&name).await.unwrap()).await
    }

    async fn of(database: MigratedDatabase<'static>) -> Self {
        let url = database.url(Login::Migrator);
        Bed {
            migrator: sea_orm::Database::connect(url).await.unwrap(),
            admin: admin(database.name()).await,
            database,
            directory: Directory::new(),
        }
    }

    /// With these tenants, made by the old program.
    pub async fn with(tenants: &[&str]) -> Self {
        let bed = Self::open().await;
        for tenant in tenants {
            let placement = Placement::Schema;
            let created = old().create(&id(tenant), &placement, &bed.migrator).await;
            created.unwrap();
        }
        bed
    }

    /// The program's database, with a system login.
    pub async fn program(&self) -> Database {
        let config = self.database.config().unwrap();
        let system = self.database.url(Login::System);
        let config = config.pool_size(2).max_overflow(0).system_url(&system);
        Database::connect(config.unwrap()).await.unwrap()
    }

    pub async fn record(&self, tenant: &str) -> Option<TenantRecord> {
        let found = self.directory.find_on(&id(tenant), &self.admin).await;
        found.unwrap()
    }

    /// The version of a tenant's schema as the directory has it.
    pub async fn version(&self, tenant: &str) -> String {
        let record = self.record(tenant).await.unwrap();
        record.version.unwrap().to_string()
    }

    /// The first column of the first row, as text.
    pub async fn ask(&self, sql: &str) -> Option<String> {
        let sql = format!("SELECT (q.*)::text FROM ({sql}) q LIMIT 1");
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        let row = self.admin.query_one_raw(statement).await.unwrap()?;
        row.try_get_by_index(0).unwrap()
    }

    pub async fn has_schema(&self, schema: &str) -> bool {
        let sql = format!("SELECT 1 FROM pg_namespace WHERE nspname = '{schema}'");
        self.ask(&sql).await.is_some()
    }

    /// The columns of the table of notes, and whether the table after them is there: what the new
    /// program's migration does in two steps.
    pub async fn shape(&self, schema: &str) -> String {
        let sql = format!(
            "SELECT string_agg(attname, ',' ORDER BY attnum) || \
             CASE WHEN to_regclass('\"{schema}\".obstacle') IS NULL THEN '' ELSE ' and more' END \
             FROM pg_attribute WHERE attrelid = to_regclass('\"{schema}\".notes') AND attnum > 0"
        );
        let shape = self.ask(&sql).await.unwrap_or_default();
        shape.trim_matches(['(', ')', '"']).to_owned()
    }

    /// Stops the new program's migration where it is half done, until the transaction ends.
    pub async fn close_gate(&self) -> DatabaseTransaction {
        let gate = sea_orm::TransactionTrait::begin(&self.admin).await.unwrap();
        gate.execute_unprepared("SELECT pg_advisory_xact_lock(7)")
            .await
            .unwrap();
        gate
    }

    /// What there is of a tenant at one moment: its state and version in the directory, whether its schema
    /// is there, and its shape.
    pub async fn moment(&self, tenant: &str) -> Moment {
        let sql = format!(
            "SELECT state, schema_version AS version, nspname IS NOT NULL AS has_schema, \
             coalesce((SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute a \
               JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = n.oid \
               AND c.relname = 'notes' AND attnum > 0), '') \
             || CASE WHEN EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid \
               AND c.relname = 'obstacle') THEN ' and more' ELSE '' END AS shape \
             FROM (SELECT) one LEFT JOIN dotmac_tenants ON tenant_id = '{tenant}' \
             LEFT JOIN pg_namespace n ON nspname = coalesce(schema_name, 'tenant_{tenant}')"
        );
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        let row = self.admin.query_one_raw(statement).await.unwrap().unwrap();
        let state: Option<String> = row.try_get("", "state").unwrap();
        Moment {
            state: state.map(|state| state.parse().unwrap()),
            version: row.try_get("", "version").unwrap(),
            has_schema: row.try_get("", "has_schema").unwrap(),
            shape: row.try_get("", "shape").unwrap(),
        }
    }

    /// Comes back once so many of the migrator's backends wait for an advisory lock.
    pub async fn until_waiting(&self, backends: usize) {
        let sql = format!(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() \
             AND usename = '{}' AND wait_event = 'advisory' HAVING count(*) >= {backends}",
            self.database.roles().migrator,
        );
        let waiting = async { while self.ask(&sql).await.is_none() {} };
        let waited = tokio::time::timeout(Duration::from_secs(20), waiting).await;
        waited.expect("somebody waits");
    }

    /// Ends the backends of the migrator, but those of the pool that the test has.
    pub async fn kill(&self) {
        let sql = format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
             WHERE datname = current_database() AND usename = '{}'",
            self.database.roles().migrator,
        );
        self.ask(&sql).await;
    }
}
