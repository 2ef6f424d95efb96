//! What can go wrong with the cache.

use std::sync::Arc;

use super::RedisFault;

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
    /// As many patterns as there may be are remembered already.
    #[error(
        "`{namespace}` is invalidated by {most} patterns already, and was not by one more: call \
         `invalidate_namespace`, or `invalidate_prefix` where it serves"
    )]
    TooManyPatterns {
        /// The cache.
        namespace: String,
        /// How many there may be.
        most: u32,
    },
    /// Redis did not do what was asked.
    #[error("Redis did not do what was asked")]
    Redis(#[from] RedisFault),
}
