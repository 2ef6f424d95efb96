//! Where the replicas are, and how far one may lag behind.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::environment::{Read, seconds, set};
use super::{DatabaseConfig, url};
use crate::error::{Error, Result};

const VARIABLE: &str = "DATABASE_REPLICA_URLS";
const MAX_LAG: &str = "DB_REPLICA_MAX_LAG";

/// The replicas of a [`DatabaseConfig`].
#[derive(Clone)]
pub struct Replicas {
    urls: Vec<SecretString>,
    pub max_lag: Duration,
    pub probe_interval: Duration,
}

impl Replicas {
    /// None, with the defaults.
    pub fn none() -> Self {
        Replicas {
            urls: Vec::new(),
            // Ten seconds are many round trips of the probe, and what a person still takes for now.
            max_lag: Duration::from_secs(10),
            probe_interval: Duration::from_millis(500),
        }
    }

    /// The settings of the environment, on top of these.
    pub fn read(mut self, read: Read<'_>) -> Result<Self> {
        if let Some(urls) = set(read, VARIABLE)? {
            for url in urls.split(',').map(str::trim).filter(|it| !it.is_empty()) {
                self.add(url)?;
            }
        }
        if let Some(lag) = set(read, MAX_LAG)? {
            self.max_lag = seconds(MAX_LAG, &lag)?;
        }
        Ok(self)
    }

    pub fn is_empty(&self) -> bool {
        self.urls.is_empty()
    }

    pub fn urls(&self) -> impl Iterator<Item = &str> {
        self.urls.iter().map(ExposeSecret::expose_secret)
    }

    fn add(&mut self, url: &str) -> Result<()> {
        let url = url::normalize(url).map_err(|error| match error {
            Error::Config { reason, .. } => refused(reason),
            error => error,
        })?;
        if url.starts_with("sqlite:") {
            return Err(refused("names SQLite, which has no replicas"));
        }
        self.urls.push(url.into());
        Ok(())
    }
}

impl fmt::Debug for Replicas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let urls: Vec<String> = self.urls().map(url::without_secrets).collect();
        f.debug_struct("Replicas")
            .field("urls", &urls)
            .field("max_lag", &self.max_lag)
            .field("probe_interval", &self.probe_interval)
            .finish()
    }
}

impl DatabaseConfig {
    /// Adds a streaming replica, to which read sessions go while it is fit. Environment:
    /// `DATABASE_REPLICA_URLS`, several URLs separated by commas.
    ///
    /// The URL leads to one server, directly or through PgBouncer, and is written as that of the
    /// primary. The replica's pool has the settings of the primary's.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for another scheme, SQLite, or a malformed URL.
    pub fn replica(mut self, url: &str) -> Result<Self> {
        self.replicas.add(url)?;
        Ok(self)
    }

    /// Adds several replicas.
    ///
    /// # Errors
    /// As [`replica`](Self::replica).
    pub fn replicas<'u>(self, urls: impl IntoIterator<Item = &'u str>) -> Result<Self> {
        urls.into_iter().try_fold(self, Self::replica)
    }

    /// How old the state of a replica may be for it to be read; 10 s by default. Environment:
    /// `DB_REPLICA_MAX_LAG`, in seconds.
    ///
    /// The age includes the time since the last probe: less than two intervals leave no replica fit.
    pub fn replica_max_lag(mut self, lag: Duration) -> Self {
        self.replicas.max_lag = lag;
        self
    }

    /// How often the primary and the replicas are asked how far they are; 500 ms by default.
    pub fn replica_probe_interval(mut self, interval: Duration) -> Self {
        // An interval of zero would never let go of the processor.
        self.replicas.probe_interval = interval.max(Duration::from_millis(10));
        self
    }
}

impl DatabaseConfig {
    /// The database's name, for labels.
    pub(crate) fn database(&self) -> String {
        let url = ::url::Url::parse(self.url());
        url.map_or_else(|_| String::new(), |url| url.path().replacen('/', "", 1))
    }
}

fn refused(reason: impl Into<String>) -> Error {
    Error::Config {
        variable: VARIABLE,
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(urls: &str, lag: &str) -> Result<Replicas> {
        Replicas::none().read(&|name| match name {
            VARIABLE => Some(urls.into()),
            MAX_LAG => Some(lag.into()),
            _ => None,
        })
    }

    #[test]
    fn urls_are_separated_by_commas_and_normalized() {
        let replicas = with(" postgresql+asyncpg://u:p@h/d, postgres://i/d,", "3").expect("valid");
        let urls: Vec<_> = replicas.urls().collect();
        assert_eq!(urls, ["postgres://u:p@h/d", "postgres://i/d"]);
        assert_eq!(replicas.max_lag, Duration::from_secs(3));
    }

    #[test]
    fn error_names_the_variable_and_not_the_url() {
        for (urls, lag, variable) in [
            ("mysql://u:hunter2@h/d", "", VARIABLE),
            ("sqlite:hunter2", "", VARIABLE),
            ("", "soon", MAX_LAG),
        ] {
            let message = with(urls, lag).expect_err("refused").to_string();
            assert!(message.starts_with(&format!("`{variable}` ")), "{message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn database_is_named_without_its_login() {
        for (url, name) in [
            ("postgres://u:hunter2@h/d?x=1", "d"),
            ("postgres://u:hunter2@h", ""),
        ] {
            assert_eq!(DatabaseConfig::new(url).expect("valid").database(), name);
        }
    }

    #[test]
    fn debug_does_not_show_the_password() {
        let config = DatabaseConfig::new("postgres://h/d")
            .and_then(|config| config.replica("postgres://u:hunter2@h/d"))
            .expect("valid");
        let shown = format!("{config:?}");
        assert!(
            shown.contains("u@h") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}
