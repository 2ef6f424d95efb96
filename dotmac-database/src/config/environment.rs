//! The environment variables of the Python package, read with errors that name the variable.

use std::str::FromStr;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::DatabaseConfig;
use crate::error::{Error, Result};

/// Reads a variable; `None` where it is not set.
pub type Read<'r> = &'r dyn Fn(&str) -> Option<String>;

/// The database's URL from `DATABASE_URL`, else from `DB_HOST`, `DB_PORT`, `DB_NAME`, `DB_USER` and
/// `DB_PASSWORD`, whose values are percent-encoded; none where neither is set.
pub fn database_url(read: Read<'_>) -> Option<String> {
    set(read, "DATABASE_URL").or_else(|| {
        let host = set(read, "DB_HOST")?;
        let part = |name: &str, default: &str| {
            let value = set(read, name).unwrap_or_else(|| default.to_owned());
            utf8_percent_encode(&value, NON_ALPHANUMERIC).to_string()
        };
        let password = set(read, "DB_PASSWORD")
            .map(|password| format!(":{}", utf8_percent_encode(&password, NON_ALPHANUMERIC)))
            .unwrap_or_default();
        let port = set(read, "DB_PORT").unwrap_or_else(|| "5432".to_owned());
        Some(format!(
            "postgres://{}{password}@{host}:{port}/{}",
            part("DB_USER", "postgres"),
            part("DB_NAME", "postgres"),
        ))
    })
}

/// The whole configuration.
pub fn read(read: Read<'_>) -> Result<DatabaseConfig> {
    let url = database_url(read).ok_or_else(|| Error::Config {
        variable: "DATABASE_URL",
        reason:
            "is not set: set it to `postgres://user:password@host/database`, or set `DB_HOST`, \
                 `DB_NAME`, `DB_USER` and `DB_PASSWORD`"
                .to_owned(),
    })?;
    let mut config = DatabaseConfig::new(&url)?;
    if let Some(size) = number(read, "DB_POOL_SIZE")? {
        config.pool_size = size;
    }
    if let Some(overflow) = number(read, "DB_MAX_OVERFLOW")? {
        config.max_overflow = overflow;
    }
    if let Some(seconds) = number(read, "DB_POOL_RECYCLE")? {
        config.pool_recycle = Duration::from_secs(seconds);
    }
    if let Some(seconds) = number(read, "DB_POOL_TIMEOUT")? {
        config.pool_timeout = Duration::from_secs(seconds);
    }
    if let Some(name) = set(read, "APP_NAME") {
        config.application_name = name;
    }
    for variable in ["SQLALCHEMY_ECHO", "DB_ECHO"] {
        if let Some(echo) = flag(read, variable)? {
            config.echo = echo;
        }
    }
    Ok(config)
}

fn set(read: Read<'_>, name: &str) -> Option<String> {
    read(name).filter(|value| !value.is_empty())
}

fn number<T: FromStr>(read: Read<'_>, variable: &'static str) -> Result<Option<T>> {
    set(read, variable)
        .map(|value| {
            value.trim().parse().map_err(|_| Error::Config {
                variable,
                reason: format!("must be a whole number, not `{value}`"),
            })
        })
        .transpose()
}

fn flag(read: Read<'_>, variable: &'static str) -> Result<Option<bool>> {
    set(read, variable)
        .map(|value| match value.trim().to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Ok(true),
            "0" | "false" | "no" | "off" => Ok(false),
            _ => Err(Error::Config {
                variable,
                reason: format!("must be `true` or `false`, not `{value}`"),
            }),
        })
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<DatabaseConfig> {
        read(&|name| {
            variables
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn parts_are_percent_encoded() {
        let config = with(&[
            ("DB_HOST", "h"),
            ("DB_USER", "a@b"),
            ("DB_PASSWORD", "p/w:#"),
        ]);
        let url = config.expect("valid").url().to_owned();
        assert_eq!(url, "postgres://a%40b:p%2Fw%3A%23@h:5432/postgres");
    }

    #[test]
    fn whole_url_wins_over_its_parts() {
        let config = with(&[("DATABASE_URL", "postgres://a@b/c"), ("DB_HOST", "h")]);
        assert_eq!(config.expect("valid").url(), "postgres://a@b/c");
    }

    #[test]
    fn nothing_set_names_what_to_set() {
        let message = with(&[]).expect_err("refused").to_string();
        assert!(message.contains("`DATABASE_URL` is not set"), "{message}");
    }

    #[test]
    fn bad_number_names_its_variable() {
        let error = with(&[("DATABASE_URL", "postgres://h/d"), ("DB_POOL_SIZE", "many")]);
        let message = error.expect_err("refused").to_string();
        assert_eq!(message, "`DB_POOL_SIZE` must be a whole number, not `many`");
    }

    #[test]
    fn debug_does_not_show_the_password() {
        let config = with(&[("DATABASE_URL", "postgres://u:hunter2@h/d")]).expect("valid");
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
