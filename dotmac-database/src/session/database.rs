//! `Database`: connects, checks, and opens sessions.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::{DatabaseConnection, DbBackend};
use sqlx::postgres::PgPool;
use tokio::sync::OnceCell;

use super::cluster::Cluster;
use super::follow::Followers;
use super::gate::Afterwards;
use super::handle::{Session, SessionOptions};
use super::health::{Health, MigrationHealth};
use super::hold::Hold;
use super::metric;
use super::pool::Pool;
use super::retry::{RetryPolicy, Retrying};
use super::start_check;
use super::statistics::Statistics;
use super::system::System;
use crate::config::{DatabaseConfig, StartCheck, Tenancy};
use crate::context::{RequestContext, SessionPath, TenantId, TenantKind};
use crate::entity::tenant_kinds;
use crate::error::{Error, Result};

/// A database, its pools of connections, and how it holds tenants apart; clones share the pools.
#[derive(Clone)]
pub struct Database {
    shared: Arc<Shared>,
    tenancy: Arc<Tenancy>,
    /// Keeps its owner from closing it, where it has one.
    hold: Option<Hold>,
}

struct Shared {
    cluster: Arc<Cluster>,
    config: DatabaseConfig,
    /// The pool of the system login, once it is used.
    system: OnceCell<Arc<Cluster>>,
}

impl Database {
    /// Connects, and checks that the database holds tenants apart.
    ///
    /// The start check refuses a login role that row-level security does not bind: a superuser, a
    /// role with BYPASSRLS, CREATEROLE or REPLICATION, the owner of a tenant-aware table that does not FORCE it, a
    /// role for which a permissive policy asks for no tenant (the migrator, the system role), or a member of such
    /// a role, also through others; and a tenant-aware table without row-level security. On SQLite
    /// there is nothing to check: isolation is by hooks and explicit conditions only. Where tenants have
    /// schemas, it looks at the tables in all of them, and at the schemas that they share.
    ///
    /// Replicas are waited for a few seconds at most: one that answers is checked as well, and one that does
    /// not is checked when it comes, before it serves.
    ///
    /// # Errors
    /// [`Error::BypassesRls`] and [`Error::Unprotected`], with what to do; [`Error::Config`] for a
    /// setting that cannot be used; [`Error::Unsupported`] for a schema for each tenant on SQLite, and
    /// [`TenancyError::UnknownSchema`](crate::TenancyError::UnknownSchema) for a shared one that does not
    /// exist; [`Error::ConnectionLost`] or [`Error::PoolTimeout`] where there is
    /// no server, and [`Error::Database`] where it refuses the login.
    ///
    /// # Cancel safety
    /// Safe at any point, as are [`check`](Self::check) and [`ping`](Self::ping).
    pub async fn connect(config: DatabaseConfig) -> Result<Self> {
        Self::connect_followed(config, Arc::default()).await
    }

    /// The same, followed by those who follow others.
    pub(crate) async fn connect_followed(
        config: DatabaseConfig,
        followers: Arc<Followers>,
    ) -> Result<Self> {
        let cluster = Arc::new(Cluster::connect(&config, followers).await?);
        let tenancy = Arc::new(config.tenancy.clone());
        let system = OnceCell::new();
        let shared = Arc::new(Shared {
            cluster,
            config,
            system,
        });
        let database = Database {
            shared,
            tenancy,
            hold: None,
        };
        database.start_check().await?;
        if let Some(replicas) = &database.shared.cluster.replicas {
            replicas.start(&database.shared.config).await?;
        }
        Ok(database)
    }

    /// The same database and pools, whose sessions find the rows of their tenant in another way: where
    /// some tenants share tables, and others have a schema.
    ///
    /// The start check has looked at the tables of the configuration's tenancy:
    /// [`check`](Self::check) looks at those of this one.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for schemas on SQLite; [`Error::Config`] for a path that has one tenant's
    /// schema for all.
    pub fn with_tenancy(&self, tenancy: Tenancy) -> Result<Self> {
        tenancy.check(self.shared.config.url())?;
        Ok(Database {
            shared: Arc::clone(&self.shared),
            tenancy: Arc::new(tenancy),
            hold: self.hold.clone(),
        })
    }

    /// The same, held open for as long as the handle, its clones and their sessions live.
    pub(crate) fn held(&self, hold: Hold) -> Self {
        Database {
            hold: Some(hold),
            ..self.clone()
        }
    }

    /// How sessions find the rows of their tenant.
    pub fn tenancy(&self) -> &Tenancy {
        &self.tenancy
    }

    /// Runs the start check again, for instance after a migration.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn check(&self) -> Result<()> {
        start_check::run(&self.shared.cluster.primary, &self.tenancy).await
    }

    /// [`check`](Self::check), unless the configuration turns it off.
    pub(crate) async fn start_check(&self) -> Result<()> {
        match self.shared.config.start_check {
            StartCheck::Enforced => self.check().await,
            StartCheck::SkippedUnprotected => {
                tracing::warn!("the start check is off: row-level security may protect nothing");
                Ok(())
            }
        }
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

    /// Runs a unit of work that reads, in a READ ONLY transaction that ends without a round trip: on a
    /// replica that is fit for the context, if there is one, or else on the primary.
    ///
    /// What a replica shows may be as old as
    /// [`replica_max_lag`](DatabaseConfig::replica_max_lag), but not older than the last commit of the
    /// same tenant, user and session id in this process.
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
    /// [`Error::InvalidTenant`] where the tenant's id does not fit the entities of this program, and
    /// [`Error::InvalidSchema`] where it cannot be part of a schema's name and tenants have schemas. That
    /// the schema does not exist is an error of the first statement
    /// ([`TenancyError::UnknownSchema`](crate::TenancyError::UnknownSchema)), which does not run.
    pub fn begin(&self, context: &RequestContext) -> Result<Session> {
        self.begin_with(context, SessionOptions::default())
    }

    /// Opens a session with other options.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn begin_with(&self, context: &RequestContext, options: SessionOptions) -> Result<Session> {
        let path = self.path(context.tenant_id())?;
        // A context that was taken from a system session reaches no further here than any other.
        let context = context.clone().of_request();
        let hold = self.hold.clone();
        let cluster = &self.shared.cluster;
        Ok(Session::open(cluster, context, path, options, hold))
    }

    /// Where a session of the tenant looks for tables, if it has to be told.
    pub(super) fn path(&self, tenant: Option<&TenantId>) -> Result<Option<SessionPath>> {
        if let Some(tenant) = tenant {
            TenantKind::check_any(tenant_kinds(), tenant)?;
        }
        self.tenancy.path(tenant)
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
        self.begin_with(context, options)?.run(work).await
    }

    /// Work across all tenants, for a reason that is logged: by sessions on the login of
    /// [`system_url`](DatabaseConfig::system_url), which policies show all rows.
    ///
    /// Nothing that belongs to a request leads here: neither a context nor a session.
    ///
    /// # Errors
    /// [`Error::Config`] where no such login is configured, or for a reason that is empty, longer than
    /// 255 bytes or holds NUL.
    pub fn system(&self, reason: &str) -> Result<System> {
        System::new(self, reason)
    }

    /// The pool of the system login, connected and checked at its first use.
    pub(super) async fn system_cluster(&self) -> Result<&Arc<Cluster>> {
        if self.backend() != DbBackend::Postgres {
            return Ok(&self.shared.cluster);
        }
        let connect = async || {
            let config = self.shared.config.of_system()?;
            let followers = Arc::clone(&self.shared.cluster.followers);
            let cluster = Cluster::connect(&config, followers).await?;
            start_check::run_for_system(&cluster.primary, &self.tenancy).await?;
            Ok::<_, Error>(Arc::new(cluster))
        };
        if self.shared.cluster.live.is_closing() {
            return Err(Error::Closed);
        }
        let cluster = self.shared.system.get_or_try_init(connect).await?;
        // Whoever closed the database meanwhile has not seen it.
        if self.shared.cluster.live.is_closing() {
            cluster.close_within(Duration::ZERO).await;
            return Err(Error::Closed);
        }
        Ok(cluster)
    }

    #[cfg(feature = "cache")]
    pub(super) fn cluster(&self) -> &Cluster {
        &self.shared.cluster
    }

    #[cfg(feature = "cache")]
    pub(super) fn url(&self) -> &str {
        self.shared.config.url()
    }

    /// Whether sessions on these pools are its own.
    #[cfg(feature = "cache")]
    pub(super) fn has_opened(&self, cluster: &Arc<Cluster>) -> bool {
        let system = self.shared.system.get();
        Arc::ptr_eq(&self.shared.cluster, cluster)
            || system.is_some_and(|system| Arc::ptr_eq(system, cluster))
    }

    pub(super) fn hold(&self) -> Option<Hold> {
        self.hold.clone()
    }

    /// Whether a system login is configured, or needed at all.
    pub(super) fn has_system(&self) -> bool {
        self.backend() != DbBackend::Postgres || self.shared.config.system_url.is_some()
    }

    /// SeaORM's connection on the same pool, for migrations and administration.
    ///
    /// It carries no context: policies show it no rows of tenants, and hooks refuse its writes.
    /// Behind PgBouncer it refuses everything, because it prepares statements by name: connect it to
    /// PostgreSQL itself.
    pub fn plain(&self) -> DatabaseConnection {
        self.shared.cluster.primary.plain()
    }

    /// Connections of their own for locks that belong to one: so many at most, each opened or tested within
    /// `timeout`.
    pub(crate) fn lock_pool(&self, most: u32, timeout: Duration) -> Result<PgPool> {
        let what = "a lock on a connection of its own";
        match self.shared.cluster.primary.afterwards() {
            _ if self.backend() != DbBackend::Postgres => Err(Error::Unsupported {
                what,
                backend: "SQLite",
            }),
            Afterwards::Anybodys => Err(Error::Pooled { what }),
            Afterwards::Own => Pool::of_locks(&self.shared.config, most, timeout),
        }
    }

    /// The kind of database.
    pub fn backend(&self) -> DbBackend {
        self.shared.cluster.primary.backend()
    }

    /// Asks the database for an answer.
    ///
    /// # Errors
    /// [`Error::ConnectionLost`] or [`Error::PoolTimeout`] where there is none.
    pub async fn ping(&self) -> Result<()> {
        self.shared.cluster.primary.ping().await
    }

    /// How the database is: an answer for a health endpoint, within some seconds and never an error.
    ///
    /// # Cancel safety
    /// Safe at any point, as is [`health_with`](Self::health_with).
    pub async fn health(&self) -> Health {
        Health::of(&self.shared.cluster).await
    }

    /// The same, and whether the migrations are current, by a function that returns the names of those
    /// that have not run, such as [`migrate::pending`](crate::migrate::pending). It is given a read
    /// session without a tenant, on the primary.
    ///
    /// ```
    /// # use dotmac_database::{Database, Health, migrate};
    /// # use sea_orm_migration::MigratorTrait;
    /// # async fn ready<Migrator: MigratorTrait>(db: &Database) -> Health {
    /// db.health_with(async |db| migrate::pending::<Migrator>(db).await).await
    /// # }
    /// ```
    pub async fn health_with(
        &self,
        pending: impl AsyncFnOnce(&Session) -> Result<Vec<String>>,
    ) -> Health {
        let mut health = self.health().await;
        let options = SessionOptions::read_only().on_primary();
        let context = RequestContext::without_tenant();
        let hold = self.hold.clone();
        let session = Session::open(&self.shared.cluster, context, None, options, hold);
        health.migrations = Some(MigrationHealth::of(&session, pending).await);
        health
    }

    /// What this process did with the database so far, and what its pools hold now.
    pub fn statistics(&self) -> Statistics {
        Statistics::of(&self.shared.cluster)
    }

    /// Gives the statistics to the recorder of the `metrics` facade, under the names of
    /// [`telemetry`](crate::telemetry): to be called before each scrape, or every few seconds.
    pub fn record_metrics(&self) {
        metric::record(&self.shared.config.database(), &self.statistics());
    }

    /// Refuses new sessions' statements ([`Error::Closed`]), waits for the connections in use, and
    /// closes all.
    ///
    /// It waits for as long as a session is open, and for rollbacks, commits and actions after commit in
    /// the background: an action must not wait for it.
    ///
    /// # Cancel safety
    /// Dropping the future leaves new sessions refused and open ones going on; it can be called again.
    pub async fn close(&self) {
        self.shared.cluster.refuse();
        if let Some(system) = self.shared.system.get() {
            system.close().await;
        }
        self.shared.cluster.close().await;
    }

    /// Refuses new sessions' statements at once ([`Error::Closed`]), waits for open sessions to end,
    /// and at the deadline cuts off those that have not.
    ///
    /// Rollbacks, commits and actions after commit in the background are waited for as well. A session that is cut off is
    /// rolled back by the server, which finds its connection closed; its running statement and every
    /// later one is [`Error::Closed`], and a COMMIT under way [`Error::CommitUnknown`]. Connections of
    /// [`plain`](Self::plain) are waited for until a second after the deadline, and then left to their
    /// users.
    ///
    /// # Cancel safety
    /// Dropping the future leaves new sessions refused and open ones going on; it can be called again.
    pub async fn close_within(&self, deadline: Duration) -> Closed {
        let system = async {
            match self.shared.system.get() {
                Some(system) => system.close_within(deadline).await,
                None => 0,
            }
        };
        let (system, requests) = tokio::join!(system, self.shared.cluster.close_within(deadline));
        Closed {
            cut_off: system + requests,
        }
    }
}

/// How [`Database::close_within`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a session that was cut off has lost its work"]
pub struct Closed {
    /// How many sessions were open at the deadline, and lost their connection and their work.
    pub cut_off: usize,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("config", &self.shared.config)
            .field("tenancy", &self.tenancy)
            .finish_non_exhaustive()
    }
}
