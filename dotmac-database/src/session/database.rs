//! `Database`: connects, checks, and opens sessions.

use std::sync::Arc;

use sea_orm::{DatabaseConnection, DbBackend};

use super::handle::{Session, SessionOptions};
use super::pool::Pool;
use super::retry::{RetryPolicy, Retrying};
use super::start_check;
use crate::config::{DatabaseConfig, StartCheck};
use crate::context::{RequestContext, TenantKind};
use crate::entity::tenant_kinds;
use crate::error::{Error, Result};

/// A database and its pool of connections; clones share them.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    pool: Pool,
    config: DatabaseConfig,
}

impl Database {
    /// Connects, and checks that the database holds tenants apart.
    ///
    /// The start check refuses a login role that row-level security does not bind: a superuser, a
    /// role with BYPASSRLS or CREATEROLE, the owner of a tenant-aware table that does not FORCE it, a
    /// role for which a permissive policy asks for no tenant (the migrator, the system role), or a member of such
    /// a role, also through others; and a tenant-aware table without row-level security. On SQLite
    /// there is nothing to check: isolation is by hooks and explicit conditions only.
    ///
    /// # Errors
    /// [`Error::BypassesRls`] and [`Error::Unprotected`], with what to do; [`Error::Config`] for a
    /// setting that cannot be used; [`Error::ConnectionLost`] or [`Error::PoolTimeout`] where there is
    /// no server, and [`Error::Database`] where it refuses the login.
    ///
    /// # Cancel safety
    /// Safe at any point, as are [`check`](Self::check), [`ping`](Self::ping) and
    /// [`close`](Self::close).
    pub async fn connect(config: DatabaseConfig) -> Result<Self> {
        let pool = Pool::connect(&config).await?;
        let database = Database(Arc::new(Inner { pool, config }));
        match database.0.config.start_check {
            StartCheck::Enforced => database.check().await?,
            StartCheck::SkippedUnprotected => {
                tracing::warn!("the start check is off: row-level security may protect nothing");
            }
        }
        Ok(database)
    }

    /// Runs the start check again, for instance after a migration.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn check(&self) -> Result<()> {
        start_check::run(&self.0.pool).await
    }

    /// Runs a unit of work that writes: committed where `work` is `Ok`, rolled back otherwise.
    ///
    /// # Errors
    /// Those of `work`, and those of [`Session::commit`].
    ///
    /// # Cancel safety
    /// Dropping the future rolls back, except while COMMIT is under way, which then goes on.
    pub async fn write<T, E>(
        &self,
        context: &RequestContext,
        work: impl AsyncFnOnce(&Session) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.run(context, SessionOptions::default(), work).await
    }

    /// Runs a unit of work that reads, in a READ ONLY transaction that ends without a round trip.
    ///
    /// # Errors
    /// Those of `work`; a write is refused by the database
    /// ([`ErrorKind::ReadOnly`](crate::ErrorKind::ReadOnly)).
    ///
    /// # Cancel safety
    /// Safe at any point.
    pub async fn read<T, E>(
        &self,
        context: &RequestContext,
        work: impl AsyncFnOnce(&Session) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.run(context, SessionOptions::read_only(), work).await
    }

    /// Runs units of work again after a conflict: `db.retrying(policy).write(&context, async |tx| …)`.
    ///
    /// A serialization failure or a deadlock is no mistake of the program: PostgreSQL asks it to try
    /// again.
    pub fn retrying(&self, policy: RetryPolicy) -> Retrying<'_> {
        Retrying::new(self, policy)
    }

    /// Opens a session that writes. It takes a connection at its first statement.
    ///
    /// # Errors
    /// [`Error::InvalidTenant`] where the tenant's id does not fit the entities of this program.
    pub fn begin(&self, context: &RequestContext) -> Result<Session> {
        self.begin_with(context, SessionOptions::default())
    }

    /// Opens a session with other options.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn begin_with(&self, context: &RequestContext, options: SessionOptions) -> Result<Session> {
        if let Some(tenant) = context.tenant_id() {
            TenantKind::check_any(tenant_kinds(), tenant)?;
        }
        Ok(Session::open(&self.0.pool, context.clone(), options))
    }

    pub(super) async fn run<T, E>(
        &self,
        context: &RequestContext,
        options: SessionOptions,
        work: impl AsyncFnOnce(&Session) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        let session = self.begin_with(context, options)?;
        let value = work(&session).await?;
        session.commit().await?;
        Ok(value)
    }

    /// SeaORM's connection on the same pool, for migrations and administration.
    ///
    /// It carries no context: policies show it no rows of tenants, and hooks refuse its writes.
    /// Behind PgBouncer it is not safe, because it prepares statements by name.
    pub fn plain(&self) -> DatabaseConnection {
        self.0.pool.plain()
    }

    /// The kind of database.
    pub fn backend(&self) -> DbBackend {
        self.0.pool.backend()
    }

    /// Asks the database for an answer.
    ///
    /// # Errors
    /// [`Error::ConnectionLost`] or [`Error::PoolTimeout`] where there is none.
    pub async fn ping(&self) -> Result<()> {
        Ok(self.plain().ping().await?)
    }

    /// Closes the pool: waits for connections in use, and refuses new sessions' statements.
    pub async fn close(&self) {
        self.0.pool.close().await;
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("config", &self.0.config)
            .finish_non_exhaustive()
    }
}
