//! What no setting may be, whether the builder or the environment made it.

use std::time::Duration;

use super::DatabaseConfig;
use crate::error::{Error, Result};

/// The most that PostgreSQL takes as `max_connections`.
const MAX_CONNECTIONS: u32 = 262_143;

/// PostgreSQL counts timeouts as milliseconds in 31 bits.
const MAX_TIMEOUT: Duration = Duration::from_millis(i32::MAX as u64);

/// Refuses the first setting that cannot be used, by the name of its variable.
pub fn all(config: &DatabaseConfig) -> Result<()> {
    config.tenancy.check(config.url())?;
    connections(config)?;
    time("DB_POOL_TIMEOUT", Some(config.pool_timeout))?;
    time("DB_POOL_RECYCLE", config.pool_recycle)?;
    time("DB_POOL_IDLE_TIMEOUT", config.idle_timeout)?;
    time("DB_STATEMENT_TIMEOUT", config.statement_timeout)?;
    time("DB_LOCK_TIMEOUT", config.lock_timeout)?;
    time(
        "DB_IDLE_IN_TRANSACTION_TIMEOUT",
        config.idle_in_transaction_timeout,
    )?;
    time("DB_SLOW_STATEMENT", config.slow_statement)?;
    if config.redis().is_some_and(|it| it.max_connections() == 0) {
        return refuse("REDIS_MAX_CONNECTIONS", "must be 1 or more");
    }
    let name = config.application_name.as_deref().unwrap_or_default();
    if name.contains(char::is_control) {
        return refuse("APP_NAME", "must have no control characters");
    }
    Ok(())
}

fn connections(config: &DatabaseConfig) -> Result<()> {
    match config.max_connections() {
        0 => refuse(
            "DB_POOL_SIZE",
            "and `DB_MAX_OVERFLOW` are both 0: allow at least one connection",
        ),
        max if max > MAX_CONNECTIONS => refuse(
            "DB_POOL_SIZE",
            "and `DB_MAX_OVERFLOW` are more than the 262143 connections of PostgreSQL",
        ),
        max if config.min_connections > max => refuse(
            "DB_POOL_MIN",
            "is more than `DB_POOL_SIZE` and `DB_MAX_OVERFLOW` together",
        ),
        _ => Ok(()),
    }
}

fn time(variable: &'static str, time: Option<Duration>) -> Result<()> {
    match time {
        // In PostgreSQL, 0 would mean without end.
        Some(time) if time < Duration::from_millis(1) => {
            refuse(variable, "must be 1 ms or more, or off where it may be off")
        }
        Some(time) if time > MAX_TIMEOUT => refuse(variable, "must be 24 days or less"),
        _ => Ok(()),
    }
}

fn refuse(variable: &'static str, reason: &str) -> Result<()> {
    Err(Error::Config {
        variable,
        reason: reason.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(DatabaseConfig) -> DatabaseConfig;

    #[test]
    fn builder_is_held_to_the_same_limits() {
        const DAYS_30: Duration = Duration::from_secs(30 * 24 * 3600);
        let changes: [(Change, &str); 9] = [
            (|c| c.pool_size(0).max_overflow(0), "DB_POOL_SIZE"),
            (
                |c| c.pool_size(u32::MAX).max_overflow(u32::MAX),
                "DB_POOL_SIZE",
            ),
            (
                |c| c.pool_size(1).max_overflow(1).min_connections(3),
                "DB_POOL_MIN",
            ),
            (|c| c.pool_timeout(Duration::ZERO), "DB_POOL_TIMEOUT"),
            (
                |c| c.statement_timeout(Duration::from_micros(500)),
                "DB_STATEMENT_TIMEOUT",
            ),
            (|c| c.lock_timeout(Duration::MAX), "DB_LOCK_TIMEOUT"),
            (
                |c| c.idle_in_transaction_timeout(DAYS_30),
                "DB_IDLE_IN_TRANSACTION_TIMEOUT",
            ),
            (|c| c.slow_statement(Duration::ZERO), "DB_SLOW_STATEMENT"),
            (|c| c.application_name("a\0b"), "APP_NAME"),
        ];
        for (change, variable) in changes {
            let config = DatabaseConfig::new("postgres://h/d").expect("valid");
            assert!(config.check().is_ok());
            let error = change(config).check().expect_err(variable);
            let expected = format!("`{variable}` ");
            assert!(error.to_string().starts_with(&expected), "{error}");
        }
    }

    #[test]
    fn what_may_be_off_is_off() {
        let config = DatabaseConfig::new("postgres://h/d").expect("valid");
        let config = config.statement_timeout(None).pool_recycle(None);
        assert!(config.idle_timeout(None).check().is_ok());
    }
}
