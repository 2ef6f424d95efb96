//! Applies migrations, one process at a time, and runs hooks afterwards.

use std::marker::PhantomData;
use std::pin::Pin;

use sea_orm::{DatabaseConnection, DbBackend};
use sea_orm_migration::MigratorTrait;

use super::hook::{HookResult, Hooks};
use super::lock::Lock;
use crate::error::Result;
use crate::rls::Roles;

/// Applies the migrations of `M`, and then runs hooks: grants, views, reference data, whatever has to
/// be right after each migration.
///
/// Hooks run in their order after `up`, `fresh` and `refresh`, also where no migration was pending, so
/// that a hook that failed is run again: write them so that they can be. After an `up` that leaves
/// migrations pending (`steps`) none runs, because hooks are written for the newest schema; nor does
/// any after `down` and `reset`. `M::status` needs no runner. Before the hooks, the application's role, where
/// there is one, gets the right to see which migrations ran
/// ([`Roles::show_migrations`](crate::rls::Roles::show_migrations)).
///
/// # Guarantees
/// On PostgreSQL, each migration is a transaction of its own, committed before the next begins; the
/// hooks run when all are committed. So where a hook fails, the migrations stay applied, what earlier
/// hooks did stays done, and later hooks do not run. Two processes do not migrate one database at the
/// same time: the second waits, and finds nothing left to do. For this, a connection of its own holds an
/// advisory lock, and gives it up when it ends. On SQLite there is no lock.
///
/// # Cancel safety
/// Where the future is dropped, the running migration is rolled back, and the lock is given up.
///
/// # Examples
/// ```
/// # use dotmac_database::migrate::Runner;
/// # use sea_orm_migration::prelude::*;
/// # use sea_orm::DatabaseConnection;
/// # struct Migrator;
/// # #[async_trait::async_trait]
/// # impl MigratorTrait for Migrator {
/// #     fn migrations() -> Vec<Box<dyn MigrationTrait>> { vec![] }
/// # }
/// async fn totals(db: &DatabaseConnection) -> Result<(), DbErr> {
///     db.execute_unprepared("CREATE VIEW IF NOT EXISTS one AS SELECT 1").await?;
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let db = sea_orm::Database::connect("sqlite::memory:").await?;
/// let runner = Runner::<Migrator>::new()
///     .after("totals", |db| Box::pin(async { Ok(totals(db).await?) }));
/// runner.up(None, &db).await?;
/// # Ok(())
/// # }
/// ```
pub struct Runner<M> {
    hooks: Hooks,
    migrator: PhantomData<fn() -> M>,
}

impl<M: MigratorTrait> Runner<M> {
    /// Without hooks.
    pub fn new() -> Self {
        Runner {
            hooks: Hooks::default(),
            migrator: PhantomData,
        }
    }

    /// Adds a hook that runs after those that were added before it.
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

    /// Applies what is pending, or the first `steps` of it.
    ///
    /// # Errors
    /// [`Error::Hook`](crate::Error::Hook); the migrations'.
    pub async fn up(&self, steps: Option<u32>, db: &DatabaseConnection) -> Result<()> {
        let lock = Lock::acquire(db).await?;
        M::up(db, steps).await?;
        self.finish(db).await?;
        lock.release().await
    }

    /// Drops all tables and types, and applies all migrations.
    ///
    /// # Errors
    /// As [`up`](Self::up).
    pub async fn fresh(&self, db: &DatabaseConnection) -> Result<()> {
        let lock = Lock::acquire(db).await?;
        M::fresh(db).await?;
        self.finish(db).await?;
        lock.release().await
    }

    /// Takes all migrations back, and applies them again.
    ///
    /// # Errors
    /// As [`up`](Self::up).
    pub async fn refresh(&self, db: &DatabaseConnection) -> Result<()> {
        let lock = Lock::acquire(db).await?;
        M::refresh(db).await?;
        self.finish(db).await?;
        lock.release().await
    }

    /// Takes the last `steps` migrations back, or all.
    ///
    /// # Errors
    /// The migrations'.
    pub async fn down(&self, steps: Option<u32>, db: &DatabaseConnection) -> Result<()> {
        let lock = Lock::acquire(db).await?;
        M::down(db, steps).await?;
        lock.release().await
    }

    /// Takes all migrations back, and drops the table that remembers them.
    ///
    /// # Errors
    /// The migrations'.
    pub async fn reset(&self, db: &DatabaseConnection) -> Result<()> {
        let lock = Lock::acquire(db).await?;
        M::reset(db).await?;
        lock.release().await
    }

    async fn finish(&self, db: &DatabaseConnection) -> Result<()> {
        if db.get_database_backend() == DbBackend::Postgres {
            let table = M::migration_table_name().to_string();
            let roles = Roles::of_database(db).await?;
            roles.show_migrations(&table, db).await?;
        }
        let pending = M::get_pending_migrations(db).await?;
        if !pending.is_empty() && !self.hooks.is_empty() {
            tracing::info!(pending = pending.len(), "hooks wait for the last migration");
            return Ok(());
        }
        self.hooks.run(db).await
    }
}

impl<M: MigratorTrait> Default for Runner<M> {
    fn default() -> Self {
        Self::new()
    }
}
