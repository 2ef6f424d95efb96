//! The environment variables of the Python package, and those that joined them, read with errors that
//! name the variable.

use std::ffi::OsString;
use std::time::Duration;

use super::parts::database_url;
use super::{DatabaseConfig, RedisConfig};
use crate::error::{Error, Result};

/// Reads a variable; `None` where it is not set.
pub type Read<'r> = &'r dyn Fn(&str) -> Option<OsString>;

/// The whole configuration.
pub fn read(read: Read<'_>) -> Result<DatabaseConfig> {
    let url = database_url(read)?.ok_or_else(|| {
        refused(
            "DATABASE_URL",
            "is not set: set it to `postgres://user:password@host/database`, or set `DB_HOST`, \
             `DB_NAME`, `DB_USER` and `DB_PASSWORD`",
        )
    })?;
    read_for(&url, read)
}

/// The configuration for a URL that comes from elsewhere.
pub fn read_for(url: &str, read: Read<'_>) -> Result<DatabaseConfig> {
    let mut config = DatabaseConfig::new(url)?;
    for (variable, number) in [
        ("DB_POOL_SIZE", &mut config.pool_size),
        ("DB_MAX_OVERFLOW", &mut config.max_overflow),
        ("DB_POOL_MIN", &mut config.min_connections),
    ] {
        if let Some(set) = whole(read, variable)? {
            *number = set;
        }
    }
    if let Some(timeout) = set(read, "DB_POOL_TIMEOUT")? {
        config.pool_timeout = seconds("DB_POOL_TIMEOUT", &timeout)?;
    }
    for (variable, time) in [
        ("DB_POOL_RECYCLE", &mut config.pool_recycle),
        ("DB_POOL_IDLE_TIMEOUT", &mut config.idle_timeout),
        ("DB_STATEMENT_TIMEOUT", &mut config.statement_timeout),
        ("DB_LOCK_TIMEOUT", &mut config.lock_timeout),
        (
            "DB_IDLE_IN_TRANSACTION_TIMEOUT",
            &mut config.idle_in_transaction_timeout,
        ),
        ("DB_SLOW_STATEMENT", &mut config.slow_statement),
    ] {
        if let Some(value) = set(read, variable)? {
            *time = seconds_or_off(variable, &value)?;
        }
    }
    if let Some(name) = set(read, "APP_NAME")? {
        config.application_name = Some(name);
    }
    for (variable, on) in [
        ("SQLALCHEMY_ECHO", &mut config.echo),
        ("DB_PGBOUNCER", &mut config.pgbouncer),
    ] {
        *on = flag(read, variable)?.unwrap_or(*on);
    }
    config.echo = flag(read, "DB_ECHO")?.unwrap_or(config.echo);
    config.redis = redis(read)?;
    config.replicas = config.replicas.read(read)?;
    if let Some(url) = set(read, "SYSTEM_DATABASE_URL")? {
        config = config.system_url(&url)?;
    }
    config.check()?;
    Ok(config)
}

fn redis(read: Read<'_>) -> Result<Option<RedisConfig>> {
    let connections = whole(read, "REDIS_MAX_CONNECTIONS")?;
    let redis = set(read, "REDIS_URL")?.map(|url| RedisConfig::new(&url));
    let Some(mut redis) = redis.transpose()? else {
        return Ok(None);
    };
    if let Some(file) = set(read, "REDIS_CA_FILE")? {
        redis = redis.with_ca_file(file);
    }
    Ok(Some(match connections {
        Some(connections) => redis.with_max_connections(connections),
        None => redis,
    }))
}

/// The variable, where it is set and not empty.
pub fn set(read: Read<'_>, variable: &'static str) -> Result<Option<String>> {
    let value = read(variable).filter(|value| !value.is_empty());
    value
        .map(|value| {
            let unreadable = |_| refused(variable, "is not valid UTF-8");
            value.into_string().map_err(unreadable)
        })
        .transpose()
}

fn whole(read: Read<'_>, variable: &'static str) -> Result<Option<u32>> {
    set(read, variable)?
        .map(|value| {
            let wrong = |_| {
                refused(
                    variable,
                    &format!("must be a whole number, not `{}`", value.escape_debug()),
                )
            };
            value.trim().parse().map_err(wrong)
        })
        .transpose()
}

/// `off` and, as SQLAlchemy has it for recycling, `-1`.
fn seconds_or_off(variable: &'static str, value: &str) -> Result<Option<Duration>> {
    match value.trim().to_ascii_lowercase().as_str() {
        "off" | "-1" => Ok(None),
        _ => seconds(variable, value).map(Some),
    }
}

pub fn seconds(variable: &'static str, value: &str) -> Result<Duration> {
    let number = value.trim().parse().ok();
    let time = number.and_then(|number| Duration::try_from_secs_f64(number).ok());
    time.ok_or_else(|| {
        let reason = format!(
            "must be seconds, such as `30` or `0.5`, not `{}`",
            value.escape_debug()
        );
        refused(variable, &reason)
    })
}

fn flag(read: Read<'_>, variable: &'static str) -> Result<Option<bool>> {
    set(read, variable)?
        .map(|value| match value.trim().to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Ok(true),
            "0" | "false" | "no" | "off" => Ok(false),
            _ => {
                let reason = format!("must be `true` or `false`, not `{}`", value.escape_debug());
                Err(refused(variable, &reason))
            }
        })
        .transpose()
}

pub fn refused(variable: &'static str, reason: &str) -> Error {
    Error::Config {
        variable,
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: (&str, &str) = ("DATABASE_URL", "postgres://u:hunter2@h/d");

    fn with(variables: &[(&str, &str)]) -> Result<DatabaseConfig> {
        read(&|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn every_variable_is_read() {
        let config = with(&[
            URL,
            ("DB_POOL_SIZE", "7"),
            ("DB_MAX_OVERFLOW", "0"),
            ("DB_POOL_MIN", " 2 "),
            ("DB_POOL_TIMEOUT", "1.5"),
            ("DB_POOL_RECYCLE", "-1"),
            ("DB_POOL_IDLE_TIMEOUT", "60"),
            ("DB_STATEMENT_TIMEOUT", "off"),
            ("DB_LOCK_TIMEOUT", "0.25"),
            ("DB_IDLE_IN_TRANSACTION_TIMEOUT", "5"),
            ("DB_SLOW_STATEMENT", "0.1"),
            ("APP_NAME", "shop"),
            ("SQLALCHEMY_ECHO", "true"),
            ("DB_PGBOUNCER", "on"),
            ("REDIS_URL", "redis://:hunter2@cache/0"),
            ("REDIS_MAX_CONNECTIONS", "9"),
            ("REDIS_CA_FILE", "/etc/ssl/redis.pem"),
            ("SYSTEM_DATABASE_URL", "postgresql+asyncpg://s:hunter2@h/d"),
        ])
        .expect("valid");
        assert_eq!((config.pool_size, config.max_connections()), (7, 7));
        assert_eq!(config.min_connections, 2);
        assert_eq!(config.pool_timeout, Duration::from_millis(1500));
        assert_eq!(config.pool_recycle, None);
        assert_eq!(config.idle_timeout, Some(Duration::from_secs(60)));
        assert_eq!(config.statement_timeout, None);
        assert_eq!(config.lock_timeout, Some(Duration::from_millis(250)));
        let idle = config.idle_in_transaction_timeout;
        assert_eq!(idle, Some(Duration::from_secs(5)));
        assert_eq!(config.slow_statement, Some(Duration::from_millis(100)));
        assert_eq!(config.application_name.as_deref(), Some("shop"));
        assert!(config.echo && config.pgbouncer);
        let system = config.of_system().expect("set");
        assert_eq!(system.url(), "postgres://s:hunter2@h/d");
        assert_eq!(system.max_connections(), 5);
        let redis = config.redis().expect("set");
        assert_eq!(redis.url(), "redis://:hunter2@cache/0");
        assert_eq!(redis.max_connections(), 9);
        assert_eq!(
            redis.ca_file().and_then(|file| file.to_str()),
            Some("/etc/ssl/redis.pem")
        );
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn defaults_are_those_of_the_table() {
        let config = with(&[URL, ("DB_POOL_SIZE", ""), ("REDIS_URL", "")]).expect("valid");
        assert_eq!(config.max_connections(), 50);
        assert_eq!(config.pool_timeout, Duration::from_secs(30));
        assert_eq!(config.pool_recycle, Some(Duration::from_secs(3600)));
        assert_eq!(config.idle_timeout, Some(Duration::from_secs(600)));
        assert_eq!(config.statement_timeout, Some(Duration::from_secs(60)));
        assert_eq!(config.lock_timeout, None);
        assert_eq!(config.slow_statement, None);
        assert!(!config.echo && !config.pgbouncer && config.redis().is_none());
    }

    #[test]
    fn builder_wins_over_the_environment() {
        let config = with(&[URL, ("DB_POOL_SIZE", "7"), ("APP_NAME", "shop")]).expect("valid");
        let config = config.pool_size(3).application_name("jobs");
        assert_eq!(config.pool_size, 3);
        assert_eq!(config.application_name.as_deref(), Some("jobs"));
    }

    #[test]
    fn other_url_is_taken_with_the_rest_of_the_environment() {
        let variables = |name: &str| match name {
            "DB_HOST" | "DATABASE_URL" => Some("not read:".into()),
            "DB_POOL_SIZE" => Some("7".into()),
            _ => None,
        };
        let config = read_for("postgres://replica/d", &variables).expect("valid");
        assert_eq!(config.url(), "postgres://replica/d");
        assert_eq!(config.pool_size, 7);
    }

    #[test]
    fn own_echo_wins_over_the_one_of_sqlalchemy() {
        let config = with(&[URL, ("DB_ECHO", "0"), ("SQLALCHEMY_ECHO", "1")]);
        assert!(!config.expect("valid").echo);
    }

    #[test]
    fn nothing_set_names_what_to_set() {
        let message = with(&[]).expect_err("refused").to_string();
        assert!(message.contains("`DATABASE_URL` is not set"), "{message}");
    }

    #[test]
    fn bad_value_names_its_variable_and_no_secret() {
        for (variable, value) in [
            ("DATABASE_URL", "mysql://u:hunter2@h/d"),
            ("DATABASE_URL", "postgres://u:hunter2@h:70000/d"),
            ("DB_POOL_SIZE", "many"),
            ("DB_MAX_OVERFLOW", "-1"),
            ("DB_POOL_MIN", "51"),
            ("DB_POOL_TIMEOUT", "0"),
            ("DB_POOL_TIMEOUT", "off"),
            ("DB_POOL_RECYCLE", "0"),
            ("DB_POOL_IDLE_TIMEOUT", "soon"),
            ("DB_STATEMENT_TIMEOUT", "0"),
            ("DB_STATEMENT_TIMEOUT", "NaN"),
            ("DB_STATEMENT_TIMEOUT", "1e99"),
            ("DB_LOCK_TIMEOUT", "-5"),
            ("DB_IDLE_IN_TRANSACTION_TIMEOUT", "9999999"),
            ("DB_SLOW_STATEMENT", "0"),
            ("DB_ECHO", "perhaps"),
            ("SQLALCHEMY_ECHO", "2"),
            ("DB_PGBOUNCER", "y"),
            ("APP_NAME", "a\nb"),
            ("REDIS_URL", "memcached://:hunter2@h"),
            ("SYSTEM_DATABASE_URL", "mysql://s:hunter2@h/d"),
            ("REDIS_MAX_CONNECTIONS", "x"),
        ] {
            let error = with(&[(variable, value), URL]).expect_err(value);
            let message = error.to_string();
            let expected = format!("`{variable}` ");
            assert!(message.starts_with(&expected), "{message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
        let none = [("REDIS_URL", "redis://h"), ("REDIS_MAX_CONNECTIONS", "0")];
        let error = with(&[URL, none[0], none[1]]).expect_err("refused");
        assert!(error.to_string().starts_with("`REDIS_MAX_CONNECTIONS` "));
    }
}
