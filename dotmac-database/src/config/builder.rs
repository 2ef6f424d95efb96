//! The settings of `DatabaseConfig`, one function for each.

use std::time::Duration;

use super::{DatabaseConfig, RedisConfig, StartCheck, Tenancy, url};
use crate::context::SearchPath;
use crate::error::{Error, Result};

impl DatabaseConfig {
    /// Connections of the pool, together with [`max_overflow`](Self::max_overflow): the sum is the one
    /// limit. On SQLite the pool is one connection.
    pub fn pool_size(mut self, connections: u32) -> Self {
        self.pool_size = connections;
        self
    }

    /// The URL of the system role's login, for [`Database::system`](crate::Database::system): a pool of
    /// at most 5 connections, which is opened and checked at its first use.
    ///
    /// Leave it out of programs that serve requests and nothing else: whoever has it sees all tenants.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for another scheme or a malformed URL.
    pub fn system_url(mut self, url: &str) -> Result<Self> {
        let url = url::normalize(url).map_err(|error| match error {
            Error::Config { reason, .. } => Error::Config {
                variable: "SYSTEM_DATABASE_URL",
                reason,
            },
            error => error,
        })?;
        self.system_url = Some(url.into());
        Ok(self)
    }

    /// Connections beyond [`pool_size`](Self::pool_size).
    pub fn max_overflow(mut self, connections: u32) -> Self {
        self.max_overflow = connections;
        self
    }

    /// Connections that are kept open while nobody uses them.
    pub fn min_connections(mut self, connections: u32) -> Self {
        self.min_connections = connections;
        self
    }

    /// How long a session waits for a free connection.
    pub fn pool_timeout(mut self, timeout: Duration) -> Self {
        self.pool_timeout = timeout;
        self
    }

    /// The age at which a connection is replaced; `None` for never.
    pub fn pool_recycle(mut self, age: impl Into<Option<Duration>>) -> Self {
        self.pool_recycle = age.into();
        self
    }

    /// How long a connection beyond [`min_connections`](Self::min_connections) stays open unused;
    /// `None` for ever.
    pub fn idle_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.idle_timeout = timeout.into();
        self
    }

    /// How long PostgreSQL lets one statement run; `None` leaves it to the role's and the server's
    /// settings.
    pub fn statement_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.statement_timeout = timeout.into();
        self
    }

    /// How long a statement waits for a lock; `None` leaves it to the role's and the server's
    /// settings. On SQLite, how long it waits for another connection's transaction (5 s by default).
    pub fn lock_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.lock_timeout = timeout.into();
        self
    }

    /// How long a session may hold its transaction open without a statement, before PostgreSQL closes
    /// its connection; `None` leaves it to the role's and the server's settings.
    pub fn idle_in_transaction_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.idle_in_transaction_timeout = timeout.into();
        self
    }

    /// The name under which PostgreSQL lists the connections, of which it shows 63 bytes.
    pub fn application_name(mut self, name: impl Into<String>) -> Self {
        self.application_name = Some(name.into());
        self
    }

    /// Logs every statement at DEBUG, with the target `sqlx::query`.
    ///
    /// Bound values are not logged. The text of a statement is: with what raw SQL has written into it,
    /// and with the context (tenant, user, client address, request and session id) in the statement
    /// that opens a session.
    pub fn echo(mut self, echo: bool) -> Self {
        self.echo = echo;
        self
    }

    /// Logs statements that take this long or longer at WARN, with the target `sqlx::query`; `None`
    /// for none. The text is the one of [`echo`](Self::echo), which is why it is off by default.
    pub fn slow_statement(mut self, from: impl Into<Option<Duration>>) -> Self {
        self.slow_statement = from.into();
        self
    }

    /// The URL leads to PgBouncer in transaction mode.
    ///
    /// Statements are then never prepared by name, which costs a round trip for each: with named
    /// statements, PgBouncer lets one client run the statement of another. The timeouts and JIT, which
    /// PgBouncer refuses at the start of a connection, are set in the statement that opens a session;
    /// on [`Database::plain`](crate::Database::plain) the role's settings hold.
    pub fn pgbouncer(mut self, behind: bool) -> Self {
        self.pgbouncer = behind;
        self
    }

    /// Where Redis is, which [`redis`](Self::redis) tells.
    pub fn with_redis(mut self, redis: RedisConfig) -> Self {
        self.redis = Some(redis);
        self
    }

    /// Each tenant has a schema of its own, in which its sessions find their tables by this search path:
    /// [`Tenancy::Schemas`]. PostgreSQL only.
    pub fn schemas(mut self, path: SearchPath) -> Self {
        self.tenancy = Tenancy::Schemas(path);
        self
    }

    /// Whether the start check is enforced.
    pub fn start_check(mut self, check: StartCheck) -> Self {
        self.start_check = check;
        self
    }
}
