//! What can go wrong with locks.

use std::sync::Arc;
use std::time::Duration;

/// What stands against work with a lock; part of [`Error::Lock`](crate::Error::Lock).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Another one held the lock for as long as the caller was ready to wait.
    #[error("the lock `{name}` was held by another for {waited:?}")]
    TimedOut {
        /// The lock.
        name: String,
        /// How long the caller waited.
        waited: Duration,
    },
    /// The task that asks holds the lock, and would wait for itself.
    #[error("this task holds the lock `{name}` already: hand its guard on instead of asking again")]
    AlreadyHeld {
        /// The lock.
        name: String,
    },
    /// The lock is not held any more: its time ran out, or it was taken away.
    #[error("the lock `{name}` was lost: what it protected may be done by another now")]
    Lost {
        /// The lock.
        name: String,
    },
    /// The place that keeps the locks did not answer: the lock was not taken.
    #[error("the lock `{name}` was not taken, because its keeper cannot be reached")]
    Unavailable {
        /// The lock.
        name: String,
        /// Why.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The name cannot be one of a lock.
    #[error("the name of a lock is 1 to 200 bytes without control characters")]
    InvalidName,
    /// A duration is too short or too long for a lock.
    #[error("`{option}` of a lock must be from {least:?} to {most:?}")]
    InvalidDuration {
        /// Which.
        option: &'static str,
        /// The least.
        least: Duration,
        /// The most.
        most: Duration,
    },
    /// Locks of this kind cannot do what was asked.
    #[error("{what} is not possible with locks in {keeper}")]
    Unsupported {
        /// What was asked for.
        what: &'static str,
        /// What keeps them.
        keeper: &'static str,
    },
}
