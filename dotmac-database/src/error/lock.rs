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
    /// What keeps the lock did not answer, or refused: the lock was not taken, renewed or given back.
    #[error("the keeper of the lock `{name}` did not answer, or refused")]
    Unavailable {
        /// The lock.
        name: String,
        /// Why.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// Every connection for locks was in use for as long as the caller was ready to wait.
    #[error(
        "the lock `{name}` was not taken, because all {most} connections for locks are in use: hold fewer \
         at a time, or allow more by `Locks::postgres_with`"
    )]
    NoConnection {
        /// The lock.
        name: String,
        /// The most connections that hold locks at a time.
        most: u32,
    },
    /// An advisory lock was asked of a server that follows another one.
    #[error("an advisory lock on a standby keeps nobody out: connect to the primary")]
    OnStandby,
    /// Rows were written with a later number of the lock: their writer's time is over.
    #[error(
        "`{entity}` was written under a later number of the lock than {fence}: the lock was lost, and \
         another has it"
    )]
    StaleFence {
        /// The entity's table.
        entity: String,
        /// The number of the writer whose time is over.
        fence: i64,
    },
    /// A column that may be NULL cannot refuse a late writer.
    #[error(
        "the fence column of `{entity}` may be NULL, and would refuse nobody: make it an `i64`"
    )]
    NullableFence {
        /// The entity's table.
        entity: String,
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
    /// A number of permits that a semaphore cannot have.
    #[error("a semaphore has from 1 to {most} permits")]
    InvalidPermits {
        /// The most.
        most: usize,
    },
    /// A rate that cannot be kept exactly, or a burst that takes too long to come back.
    #[error(
        "a rate is 1 in 366 days to 10,000 in a second, and its burst is 1 or more and comes back within 366 days"
    )]
    InvalidRate,
    /// A call that costs more than the burst of its rate, and so can never pass.
    #[error("a call of {cost} can never pass `{name}`, whose burst is {burst}")]
    TooCostly {
        /// The limit.
        name: String,
        /// What the call costs.
        cost: u32,
        /// The most at a time.
        burst: u32,
    },
    /// The place that keeps the rates did not answer: nothing may have been counted.
    #[error(
        "whether `{name}` is within its rate is not known, because its keeper cannot be reached"
    )]
    RateUnknown {
        /// The limit.
        name: String,
        /// Why.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
}
