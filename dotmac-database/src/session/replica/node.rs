//! One replica: its pool, its standing, and what it served.

use std::sync::Arc;

use url::Url;

use super::standing::Standing;
use crate::config::DatabaseConfig;
use crate::error::Result;
use crate::session::pool::Pool;
use crate::telemetry::Counter;

/// A replica; sessions that run on it hold it by `Arc`.
pub struct Replica {
    name: String,
    pub pool: Pool,
    pub standing: Arc<Standing>,
    pub reads: Counter,
    pub losses: Counter,
}

impl Replica {
    /// Connects at its first use.
    pub fn open(config: &DatabaseConfig, url: &str) -> Result<Self> {
        let standing = Arc::new(Standing::default());
        let pool = Pool::replica(config, url, Arc::clone(&standing))?;
        Ok(Replica {
            name: name(url),
            pool,
            standing,
            reads: Counter::default(),
            losses: Counter::default(),
        })
    }

    /// Host, port and database, without the login.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// It broke while it was used: nobody uses it until the probe has an answer again.
    pub fn lose(&self, error: &impl std::fmt::Display) {
        if self.standing.lose() {
            self.losses.add(1);
            tracing::warn!(replica = self.name, %error, "replica lost: reads go elsewhere");
        }
    }
}

fn name(url: &str) -> String {
    let Ok(url) = Url::parse(url) else {
        return "<unreadable>".to_owned();
    };
    let (host, port) = (url.host_str().unwrap_or("localhost"), url.port());
    format!("{host}:{}{}", port.unwrap_or(5432), url.path())
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn name_shows_neither_user_nor_password_nor_options() {
        let shown = name("postgres://u:secret@h:6432/d?password=secret");
        assert_eq!(shown, "h:6432/d");
        assert_eq!(name("postgres://h/d"), "h:5432/d");
    }
}
