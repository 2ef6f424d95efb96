//! What can go wrong with the cache and with Redis.

use std::sync::Arc;

/// What stands against work of a cache; part of [`Error::Cache`](crate::Error::Cache).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The loader failed. Where it failed with an error of this crate or of SeaORM, that is returned itself.
    #[error("the value could not be loaded")]
    Load(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// The loader panicked.
    #[error("the loader of `{namespace}` panicked")]
    Panicked {
        /// The cache.
        namespace: String,
    },
    /// The loader took longer than the hard timeout.
    #[error("the loader of `{namespace}` did not end in time")]
    TimedOut {
        /// The cache.
        namespace: String,
    },
    /// The loader asked the cache for the value that it is to load.
    #[error("the loader of `{namespace}` asks for its own key, and would wait for itself")]
    LoadsItself {
        /// The cache.
        namespace: String,
    },
    /// A value cannot be encoded, or is too large.
    #[error("the value does not fit into `{namespace}`: {reason}")]
    Unfit {
        /// The cache.
        namespace: String,
        /// Why.
        reason: String,
    },
    /// Redis did not do what was asked.
    #[error("Redis did not do what was asked")]
    Redis(#[from] RedisFault),
}

/// Why a command of Redis has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedisFault {
    /// No connection, or the breaker is open: it was not sent.
    #[error("Redis is not reachable")]
    Unavailable,
    /// It was sent, and no answer came in time: it may have run, or may still run.
    #[error("Redis did not answer in time")]
    TimedOut,
    /// The server refused it, such as `OOM`, `READONLY` or `LOADING`.
    #[error("Redis refused the command: {code}")]
    Refused {
        /// The first word of its answer; the rest may hold keys.
        code: String,
    },
    /// The answer is not what the command gives.
    #[error("Redis gave an answer that was not expected")]
    Answer,
}

impl RedisFault {
    /// Whether the server, or the way to it, is what failed, and not this command.
    pub fn is_outage(&self) -> bool {
        match self {
            RedisFault::Unavailable | RedisFault::TimedOut => true,
            RedisFault::Refused { .. } | RedisFault::Answer => false,
        }
    }
}
