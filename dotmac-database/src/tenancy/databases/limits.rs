//! `DatabaseLimits`: how many databases are open, and for how long.

use std::time::Duration;

/// How many databases a [`Databases`](super::Databases) keeps open, and for how long.
///
/// | setting | default |
/// |---|---|
/// | [`max_open`](Self::max_open) | 50 databases |
/// | [`idle_timeout`](Self::idle_timeout) | 10 min |
/// | [`wait_limit`](Self::wait_limit) | 30 s |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatabaseLimits {
    pub(super) max_open: usize,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) wait_limit: Duration,
}

impl Default for DatabaseLimits {
    fn default() -> Self {
        DatabaseLimits {
            max_open: 50,
            idle_timeout: Some(Duration::from_secs(600)),
            wait_limit: Duration::from_secs(30),
        }
    }
}

impl DatabaseLimits {
    /// The most databases that are open at a time, each with pools of its own; at least one.
    #[must_use]
    pub fn max_open(self, databases: usize) -> Self {
        DatabaseLimits {
            max_open: databases.max(1),
            ..self
        }
    }

    /// How long a database stays open that nobody uses; `None` for as long as its place is not needed.
    #[must_use]
    pub fn idle_timeout(self, timeout: impl Into<Option<Duration>>) -> Self {
        DatabaseLimits {
            idle_timeout: timeout.into(),
            ..self
        }
    }

    /// How long to wait for a place where all databases are in use.
    #[must_use]
    pub fn wait_limit(self, limit: Duration) -> Self {
        DatabaseLimits {
            wait_limit: limit,
            ..self
        }
    }
}
