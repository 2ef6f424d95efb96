//! `RateLimits` and `RateLimit`: where rates are counted, and one of them.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::local::Local;
use super::meter::Meter;
use super::quota::{Rate, Verdict};
use crate::context::{Global, Owner, PerTenant};
use crate::error::{LockError, Result};
use crate::lock::name::parse;
use crate::lock::{LockName, Locks};

/// Where rates are counted: where [locks are kept](Locks::rate_limits), or in the process. Clones share it.
#[derive(Clone)]
pub struct RateLimits(Arc<dyn Meter>);

/// A limit of a rate: for each tenant apart, or for all together.
#[derive(Clone)]
pub struct RateLimit<S = PerTenant> {
    meter: Arc<dyn Meter>,
    name: Arc<str>,
    rate: Rate,
    sharing: PhantomData<fn() -> S>,
}

impl Locks {
    /// Limits of rates that are counted where these locks are kept: in Redis for the calls of all processes, over
    /// the same connections.
    ///
    /// # Errors
    /// [`LockError::Unsupported`] for locks in PostgreSQL.
    pub fn rate_limits(&self) -> Result<RateLimits> {
        let backend = &self.0.backend;
        let meter = backend.meter().ok_or_else(|| LockError::Unsupported {
            what: "counting a rate",
            keeper: backend.keeper(),
        })?;
        Ok(RateLimits(meter))
    }
}

impl RateLimits {
    /// Counts the calls of this process only.
    pub fn in_process() -> Self {
        RateLimits(Arc::new(Local::default()))
    }

    /// The limit of that name, for each tenant apart. Where rates of one name differ, each call is judged by its
    /// own.
    ///
    /// # Errors
    /// [`LockError::InvalidName`].
    pub fn limit(&self, name: &str, rate: Rate) -> Result<RateLimit> {
        self.named(name, rate)
    }

    /// The limit of that name that all tenants share.
    ///
    /// # Errors
    /// As [`limit`](Self::limit).
    pub fn global(&self, name: &str, rate: Rate) -> Result<RateLimit<Global>> {
        self.named(name, rate)
    }

    fn named<S>(&self, name: &str, rate: Rate) -> Result<RateLimit<S>> {
        Ok(RateLimit {
            meter: Arc::clone(&self.0),
            name: parse(name)?,
            rate,
            sharing: PhantomData,
        })
    }
}

impl<S> RateLimit<S> {
    /// Counts a call, if it is within the rate, and says whether it is.
    ///
    /// # Errors
    /// [`LockError::RateUnknown`] where Redis does not answer: whether such a call passes is the caller's
    /// choice. [`Error::MissingTenant`](crate::Error::MissingTenant).
    ///
    /// # Cancel safety
    /// Dropping the future leaves it open whether the call was counted.
    ///
    /// # Guarantees
    /// Exact over all processes: calls are judged one after the other, by the clock of Redis.
    pub async fn check(&self, owner: impl Owner<S>) -> Result<Verdict> {
        self.check_cost(owner, 1).await
    }

    /// The same for a call that counts as so many: all of them pass or none. One of 0 always passes.
    ///
    /// # Errors
    /// [`LockError::TooCostly`] for more than the burst, and those of [`check`](Self::check).
    ///
    /// # Cancel safety
    /// As [`check`](Self::check).
    pub async fn check_cost(&self, owner: impl Owner<S>, cost: u32) -> Result<Verdict> {
        let name = LockName::new(owner.owner(&self.name)?, &self.name);
        let burst = self.rate.burst();
        if cost > burst {
            let name = name.to_string();
            return Err(LockError::TooCostly { name, cost, burst }.into());
        }
        self.meter.take(&name, self.rate, cost).await
    }
}

impl fmt::Debug for RateLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimits")
            .field("keeper", &self.0.keeper())
            .finish()
    }
}

impl<S> fmt::Debug for RateLimit<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit")
            .field("name", &self.name)
            .field("rate", &self.rate)
            .finish_non_exhaustive()
    }
}
