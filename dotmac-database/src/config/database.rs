//! `DatabaseConfig`: typed settings, from a builder, the environment, or both.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::replica::Replicas;
use super::{RedisConfig, Tenancy, check, environment, url};
use crate::error::{Error, Result};

/// Work across tenants is done by few.
const SYSTEM_CONNECTIONS: u32 = 5;

/// How to connect to the database.
///
/// | setting | environment | default |
/// |---|---|---|
/// | `url` | `DATABASE_URL`, else `DB_HOST` `DB_PORT` `DB_NAME` `DB_USER` `DB_PASSWORD` | required |
/// | [`pool_size`](Self::pool_size) + [`max_overflow`](Self::max_overflow) | `DB_POOL_SIZE`, `DB_MAX_OVERFLOW` | 20 + 30 connections |
/// | [`min_connections`](Self::min_connections) | `DB_POOL_MIN` | 0 |
/// | [`pool_timeout`](Self::pool_timeout) | `DB_POOL_TIMEOUT` | 30 s |
/// | [`pool_recycle`](Self::pool_recycle) | `DB_POOL_RECYCLE` | 3600 s |
/// | [`idle_timeout`](Self::idle_timeout) | `DB_POOL_IDLE_TIMEOUT` | 600 s |
/// | [`statement_timeout`](Self::statement_timeout) | `DB_STATEMENT_TIMEOUT` | 60 s |
/// | [`lock_timeout`](Self::lock_timeout) | `DB_LOCK_TIMEOUT` | off |
/// | [`idle_in_transaction_timeout`](Self::idle_in_transaction_timeout) | `DB_IDLE_IN_TRANSACTION_TIMEOUT` | off |
/// | [`application_name`](Self::application_name) | `APP_NAME` | `dotmac-app` |
/// | [`echo`](Self::echo) | `DB_ECHO`, `SQLALCHEMY_ECHO` | off |
/// | [`slow_statement`](Self::slow_statement) | `DB_SLOW_STATEMENT` | off |
/// | [`pgbouncer`](Self::pgbouncer) | `DB_PGBOUNCER` | off |
/// | [`redis`](Self::redis) | `REDIS_URL`, `REDIS_MAX_CONNECTIONS`, `REDIS_CA_FILE` | none, 50 connections |
/// | [`start_check`](Self::start_check) | | on |
/// | [`system_url`](Self::system_url) | `SYSTEM_DATABASE_URL` | none |
/// | [`schemas`](Self::schemas) | | off: tenants share tables |
/// | [`replica`](Self::replica) | `DATABASE_REPLICA_URLS` (separated by commas) | none |
/// | [`replica_max_lag`](Self::replica_max_lag) | `DB_REPLICA_MAX_LAG` (seconds) | 10 s |
/// | [`replica_probe_interval`](Self::replica_probe_interval) | | 500 ms |
///
/// Times in the environment are seconds, with a fraction if wanted (`0.5`), or `off` where the setting
/// may be off. An empty variable counts as not set. `DB_PORT` is 5432 by default, `DB_USER` and
/// `DB_NAME` are `postgres`; `DB_HOST` may be the folder of a Unix socket. PostgreSQL's JIT is off.
///
/// Settings made by the builder win over the environment, and both over `options` in the URL. What is
/// wrong is told by [`from_env`](Self::from_env), and by
/// [`Database::connect`](crate::Database::connect) for the builder.
///
/// A connection is encrypted if the URL says `sslmode=require`, `verify-ca` or `verify-full` (with
/// `sslrootcert` for a certificate authority of one's own); this needs the feature `tls-rustls`, and is
/// refused without it. Only the last two prove who the server is.
///
/// Passwords never appear in `Debug` or in an error.
#[derive(Clone)]
pub struct DatabaseConfig {
    url: SecretString,
    pub(crate) pool_size: u32,
    pub(crate) max_overflow: u32,
    pub(crate) min_connections: u32,
    pub(crate) pool_timeout: Duration,
    pub(crate) pool_recycle: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) statement_timeout: Option<Duration>,
    pub(crate) lock_timeout: Option<Duration>,
    pub(crate) idle_in_transaction_timeout: Option<Duration>,
    pub(crate) application_name: Option<String>,
    pub(crate) echo: bool,
    pub(crate) slow_statement: Option<Duration>,
    pub(crate) pgbouncer: bool,
    pub(crate) redis: Option<RedisConfig>,
    pub(crate) start_check: StartCheck,
    pub(crate) replicas: Replicas,
    pub(crate) system_url: Option<SecretString>,
    pub(crate) tenancy: Tenancy,
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
            min_connections: 0,
            pool_timeout: Duration::from_secs(30),
            pool_recycle: Some(Duration::from_secs(3600)),
            idle_timeout: Some(Duration::from_secs(600)),
            statement_timeout: Some(Duration::from_secs(60)),
            lock_timeout: None,
            idle_in_transaction_timeout: None,
            application_name: None,
            echo: false,
            slow_statement: None,
            pgbouncer: false,
            redis: None,
            start_check: StartCheck::Enforced,
            replicas: Replicas::none(),
            system_url: None,
            tenancy: Tenancy::Rows,
        })
    }

    /// The configuration that the environment describes.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config), which names the variable.
    pub fn from_env() -> Result<Self> {
        environment::read(&|name| std::env::var_os(name))
    }

    /// The configuration that the environment describes, for another URL: `DATABASE_URL` and the
    /// variables of its parts are not read.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    pub fn from_env_for(url: &str) -> Result<Self> {
        environment::read_for(url, &|name| std::env::var_os(name))
    }

    /// The most connections that the pool opens.
    pub(crate) fn max_connections(&self) -> u32 {
        self.pool_size.saturating_add(self.max_overflow)
    }

    /// Where Redis is, if anywhere: for the cache (feature `cache`), so that one configuration serves both.
    pub fn redis(&self) -> Option<&RedisConfig> {
        self.redis.as_ref()
    }

    pub(crate) fn url(&self) -> &str {
        self.url.expose_secret()
    }

    /// The configuration of the system login's pool: the same but for the login, replicas and size.
    pub(crate) fn of_system(&self) -> Result<Self> {
        let url = self.system_url.as_ref().ok_or_else(|| Error::Config {
            variable: "SYSTEM_DATABASE_URL",
            reason: "is not set: set it to the URL of the system role's login".to_owned(),
        })?;
        let mut config = self.clone();
        config.url = url.clone();
        config.replicas = Replicas::none();
        config.pool_size = SYSTEM_CONNECTIONS;
        config.max_overflow = 0;
        config.min_connections = 0;
        Ok(config)
    }

    /// Refuses what cannot be used, whichever way it was set.
    pub(crate) fn check(&self) -> Result<()> {
        check::all(self)
    }
}

impl fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseConfig")
            .field("url", &url::without_secrets(self.url()))
            .field("pool_size", &self.pool_size)
            .field("max_overflow", &self.max_overflow)
            .field("min_connections", &self.min_connections)
            .field("pool_timeout", &self.pool_timeout)
            .field("pool_recycle", &self.pool_recycle)
            .field("idle_timeout", &self.idle_timeout)
            .field("statement_timeout", &self.statement_timeout)
            .field("lock_timeout", &self.lock_timeout)
            .field(
                "idle_in_transaction_timeout",
                &self.idle_in_transaction_timeout,
            )
            .field("application_name", &self.application_name)
            .field("echo", &self.echo)
            .field("slow_statement", &self.slow_statement)
            .field("pgbouncer", &self.pgbouncer)
            .field("redis", &self.redis)
            .field("start_check", &self.start_check)
            .field("replicas", &self.replicas)
            .field("tenancy", &self.tenancy)
            .field("has_system_url", &self.system_url.is_some())
            .finish()
    }
}
