//! Units of work under a policy.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use sea_orm::IsolationLevel;

use super::policy::RetryPolicy;
use crate::context::RequestContext;
use crate::error::{Error, Retryable};
use crate::session::database::Database;
use crate::session::handle::{Session, SessionOptions};

/// Runs units of work again after a conflict; made by [`Database::retrying`].
#[must_use = "a unit of work runs with `write` or `read`"]
#[derive(Debug, Clone, Copy)]
pub struct Retrying<'d> {
    database: &'d Database,
    policy: RetryPolicy,
    isolation: Option<IsolationLevel>,
}

impl<'d> Retrying<'d> {
    pub(in crate::session) fn new(database: &'d Database, policy: RetryPolicy) -> Self {
        Retrying {
            database,
            policy,
            isolation: None,
        }
    }

    /// Runs at this isolation level; by default the database's.
    ///
    /// At `RepeatableRead` and `Serializable` PostgreSQL refuses what it cannot order, and expects the
    /// program to try again. At its default, `ReadCommitted`, only deadlocks are worth a retry.
    pub fn isolation(mut self, level: IsolationLevel) -> Self {
        self.isolation = Some(level);
        self
    }

    /// Runs a unit of work that writes, as [`Database::write`] does, and again after a conflict.
    ///
    /// Each attempt runs a clone of `work`, with clones of what it captured by value, in a session of
    /// its own with the context. What `work` does elsewhere than in its session (a mail, a request, a
    /// counter that it shares) is done once for each attempt. Leave that to
    /// [`Session::after_commit`]: actions of attempts that failed do not run.
    ///
    /// # Errors
    /// Those of [`Database::write`]. Tried again are serialization failures and deadlocks, in a
    /// statement or at COMMIT, statements whose plan is stale ([`Error::StalePlan`]), and units that one
    /// of them aborted, also where `work` kept the error for itself and only COMMIT tells. The last
    /// error is returned where the policy gives up. Nothing else is tried again, least of all
    /// [`Error::CommitUnknown`].
    ///
    /// # Cancel safety
    /// As [`Database::write`]; there is no other attempt.
    pub async fn write<T, E>(
        self,
        context: &RequestContext,
        work: impl Clone + AsyncFnOnce(&Session) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error> + Retryable,
    {
        self.run(context, SessionOptions::default(), work).await
    }

    /// Runs a unit of work that reads, as [`Database::read`] does, and again after a conflict.
    ///
    /// # Errors
    /// Those of [`Database::read`].
    ///
    /// # Cancel safety
    /// Safe at any point.
    pub async fn read<T, E>(
        self,
        context: &RequestContext,
        work: impl Clone + AsyncFnOnce(&Session) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error> + Retryable,
    {
        self.run(context, SessionOptions::read_only(), work).await
    }

    async fn run<T, E>(
        self,
        context: &RequestContext,
        mut options: SessionOptions,
        work: impl Clone + AsyncFnOnce(&Session) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error> + Retryable,
    {
        options.isolation = self.isolation;
        let mut attempts = self.policy.begin();
        loop {
            let session = self.database.begin_with(context, options)?;
            let stale = Arc::clone(&session.unit().stale);
            let error = match session.run(work.clone()).await {
                Err(error) if error.is_retryable() => error,
                ended => return ended,
            };
            let Some(delay) = attempts.conflict() else {
                return Err(error);
            };
            drop(error);
            // Another connection may have prepared the same statements.
            options.prepares_anew |= stale.load(Ordering::Relaxed);
            tokio::time::sleep(delay).await;
        }
    }
}
