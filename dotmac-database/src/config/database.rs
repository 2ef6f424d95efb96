//! `DatabaseConfig`: typed settings, from a builder, the environment, or both.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::{environment, url};
use crate::error::Result;

/// How to connect to the database.
///
/// | setting | environment | default |
/// |---|---|---|
/// | `url` | `DATABASE_URL`, else `DB_HOST` `DB_PORT` `DB_NAME` `DB_USER` `DB_PASSWORD` | required |
/// | [`pool_size`](Self::pool_size) + [`max_overflow`](Self::max_overflow) | `DB_POOL_SIZE`, `DB_MAX_OVERFLOW` | 20 + 30 connections |
/// | [`pool_timeout`](Self::pool_timeout) | `DB_POOL_TIMEOUT` (seconds) | 30 s |
/// | [`pool_recycle`](Self::pool_recycle) | `DB_POOL_RECYCLE` (seconds) | 3600 s |
/// | [`application_name`](Self::application_name) | `APP_NAME` | `dotmac-app` |
/// | [`echo`](Self::echo) | `DB_ECHO`, `SQLALCHEMY_ECHO` | off |
/// | [`statement_timeout`](Self::statement_timeout) | | 60 s |
/// | [`pgbouncer`](Self::pgbouncer) | | off |
/// | [`start_check`](Self::start_check) | | on |
///
/// `DB_PORT` is 5432 by default, `DB_USER` and `DB_NAME` are `postgres`. PostgreSQL's JIT is off.
///
/// There is no TLS yet: a connection to a host that does not ask for it is not encrypted, and
/// `sslmode=require` fails. Keep the database on a private network.
///
/// The password never appears in `Debug` or in an error.
#[derive(Clone)]
pub struct DatabaseConfig {
    url: SecretString,
    pub(crate) pool_size: u32,
    pub(crate) max_overflow: u32,
    pub(crate) pool_timeout: Duration,
    pub(crate) pool_recycle: Duration,
    pub(crate) application_name: String,
    pub(crate) echo: bool,
    pub(crate) statement_timeout: Duration,
    pub(crate) pgbouncer: bool,
    pub(crate) start_check: StartCheck,
}

/// Whether [`Database::connect`](crate::Database::connect) refuses a role that bypasses row-level
/// security.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartCheck {
    /// Refuse a role that policies do not bind.
    Enforced,
    /// Take any role: policies may protect nothing. For migrations and administration only.
    SkippedUnprotected,
}

impl DatabaseConfig {
    /// A configuration for `url`, with the defaults.
    ///
    /// Accepts `postgres://`, `postgresql://`, `sqlite:`, and driver suffixes as Python users have
    /// them (`postgresql+asyncpg://`).
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for another scheme or a malformed URL.
    pub fn new(url: &str) -> Result<Self> {
        Ok(DatabaseConfig {
            url: url::normalize(url)?.into(),
            pool_size: 20,
            max_overflow: 30,
            pool_timeout: Duration::from_secs(30),
            pool_recycle: Duration::from_secs(3600),
            application_name: "dotmac-app".to_owned(),
            echo: false,
            statement_timeout: Duration::from_secs(60),
            pgbouncer: false,
            start_check: StartCheck::Enforced,
        })
    }

    /// The configuration that the environment describes.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config), which names the variable.
    pub fn from_env() -> Result<Self> {
        environment::read(&|name| std::env::var(name).ok())
    }

    /// Connections of the pool, together with [`max_overflow`](Self::max_overflow): the sum is the one
    /// limit. On SQLite the pool is one connection.
    pub fn pool_size(mut self, connections: u32) -> Self {
        self.pool_size = connections;
        self
    }

    /// Connections beyond [`pool_size`](Self::pool_size).
    pub fn max_overflow(mut self, connections: u32) -> Self {
        self.max_overflow = connections;
        self
    }

    /// How long a session waits for a free connection.
    pub fn pool_timeout(mut self, timeout: Duration) -> Self {
        self.pool_timeout = timeout;
        self
    }

    /// The age at which a connection is replaced.
    pub fn pool_recycle(mut self, age: Duration) -> Self {
        self.pool_recycle = age;
        self
    }

    /// The name under which PostgreSQL lists the connections.
    pub fn application_name(mut self, name: impl Into<String>) -> Self {
        self.application_name = name.into();
        self
    }

    /// Logs every statement at DEBUG: without bound values, but with the context (tenant, user, client
    /// address, request and session id), which is part of the statement that opens a session.
    pub fn echo(mut self, echo: bool) -> Self {
        self.echo = echo;
        self
    }

    /// How long PostgreSQL lets one statement run. Not sent through PgBouncer: there, run
    /// `ALTER ROLE … SET statement_timeout`.
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = timeout;
        self
    }

    /// The URL leads to PgBouncer in transaction mode.
    ///
    /// Statements are then never prepared by name, which costs a round trip for each: with named
    /// statements, PgBouncer lets one client run the statement of another.
    pub fn pgbouncer(mut self, behind: bool) -> Self {
        self.pgbouncer = behind;
        self
    }

    /// Whether the start check is enforced.
    pub fn start_check(mut self, check: StartCheck) -> Self {
        self.start_check = check;
        self
    }

    /// The most connections that the pool opens.
    pub(crate) fn max_connections(&self) -> u32 {
        self.pool_size.saturating_add(self.max_overflow).max(1)
    }

    pub(crate) fn url(&self) -> &str {
        self.url.expose_secret()
    }
}

impl fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseConfig")
            .field("url", &url::without_secrets(self.url()))
            .field("pool_size", &self.pool_size)
            .field("max_overflow", &self.max_overflow)
            .field("pool_timeout", &self.pool_timeout)
            .field("pool_recycle", &self.pool_recycle)
            .field("application_name", &self.application_name)
            .field("echo", &self.echo)
            .field("statement_timeout", &self.statement_timeout)
            .field("pgbouncer", &self.pgbouncer)
            .field("start_check", &self.start_check)
            .finish()
    }
}
