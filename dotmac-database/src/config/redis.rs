//! `RedisConfig`: where Redis is, kept beside the database's settings.

use std::fmt;
use std::path::{Path, PathBuf};

use ::url::Url;
use secrecy::{ExposeSecret, SecretString};

use super::url;
use crate::error::{Error, Result};

/// Where Redis is, and how many connections a program may open to it.
///
/// The password appears neither in `Debug` nor in an error.
#[derive(Clone)]
pub struct RedisConfig {
    url: SecretString,
    max_connections: u32,
    ca_file: Option<PathBuf>,
}

impl RedisConfig {
    /// A configuration for `url`, with 50 connections.
    ///
    /// Accepts `redis://`, `rediss://` (TLS: feature `tls-rustls`), both with `-cluster` or `-sentinel`, and
    /// `unix:///run/redis.sock?db=1`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for another scheme or a malformed URL.
    pub fn new(url: &str) -> Result<Self> {
        let url = url.trim();
        let refused = |reason: &str| Error::Config {
            variable: "REDIS_URL",
            reason: reason.to_owned(),
        };
        let parsed = Url::parse(url).map_err(|_| {
            refused("is not a URL: write `redis://:password@host:6379/0`, percent-encoded")
        })?;
        let kind = parsed.scheme();
        let kind = kind.strip_suffix("-cluster").unwrap_or(kind);
        let kind = kind.strip_suffix("-sentinel").unwrap_or(kind);
        let has_place = match kind {
            "redis" | "rediss" => parsed.has_host(),
            "unix" => !parsed.path().is_empty(),
            _ => {
                return Err(refused(
                    "names another service: use `redis://…` or `rediss://…`",
                ));
            }
        };
        if !has_place || parsed.port() == Some(0) || parsed.fragment().is_some() {
            return Err(refused(
                "has no host, port 0 or a `#`: percent-encode the password",
            ));
        }
        Ok(RedisConfig {
            url: url.into(),
            max_connections: 50,
            ca_file: None,
        })
    }

    /// How many connections a program may open.
    pub fn with_max_connections(mut self, connections: u32) -> Self {
        self.max_connections = connections;
        self
    }

    /// Trusts the authorities in this PEM file, instead of those of the machine, for `rediss://`.
    pub fn with_ca_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(file.into());
        self
    }

    /// The file of the authorities that are trusted.
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// The URL with its password: not for logs.
    pub fn url(&self) -> &str {
        self.url.expose_secret()
    }

    /// How many connections a program may open.
    pub fn max_connections(&self) -> u32 {
        self.max_connections
    }
}

impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConfig")
            .field("url", &url::without_secrets(self.url()))
            .field("max_connections", &self.max_connections)
            .field("ca_file", &self.ca_file)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_does_not_show() {
        let config = RedisConfig::new("rediss://:hunter2@cache:6380/1").expect("valid");
        assert_eq!(
            format!("{config:?}"),
            "RedisConfig { url: \"rediss://cache:6380/1\", max_connections: 50, ca_file: None }",
        );
        assert!(config.url().contains("hunter2"));
    }

    #[test]
    fn other_services_and_broken_urls_are_refused() {
        for url in [
            "memcached://h",
            "redis:",
            "h:6379",
            "redis://h:0",
            "redis://:1#x@h",
        ] {
            let error = RedisConfig::new(url).expect_err("refused");
            assert!(error.to_string().starts_with("`REDIS_URL` "), "{error}");
        }
        assert!(RedisConfig::new("redis-sentinel://h:26379/0").is_ok());
        assert!(RedisConfig::new("unix:///run/redis.sock").is_ok());
    }
}
