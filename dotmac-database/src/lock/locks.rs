//! `Locks` and `Lock`: where locks are kept, and one of them.

use std::fmt;
use std::marker::PhantomData;
use std::ops::RangeInclusive;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use chrono::Utc;
use tokio::time::Instant;
use uuid::Uuid;

use super::acquire::acquire;
use super::advisory::{DEFAULT_CONNECTIONS, Postgres};
use super::backend::{Bid, Holder};
use super::core::Core;
use super::guard::{LockGuard, LockToken};
use super::lease::Lease;
use super::local::Local;
use super::name::{self, LockName};
use crate::context::{Global, Owner, OwnerName, PerTenant, TenantId};
use crate::error::{LockError, Result};
use crate::session::Database;

const DEFAULT_TTL: Duration = Duration::from_secs(30);
pub(super) const LEAST_TTL: Duration = Duration::from_millis(100);
const MOST_TTL: Duration = Duration::from_secs(24 * 60 * 60);
/// As good as for ever, and no clock overflows with it.
const FOREVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// Where locks are kept; clones share it. A program has one for each keeper.
#[derive(Clone)]
pub struct Locks(pub(super) Arc<Core>);

/// A lock: a name, for each tenant apart, and how it is held. Nothing is taken by making one.
///
/// Renewed for as long as its guard lives, it is held for as long as its holder needs it, and free after its
/// time to live where the holder is gone.
pub struct Lock<S = PerTenant> {
    pub(super) core: Arc<Core>,
    pub(super) name: Arc<str>,
    pub(super) ttl: Duration,
    pub(super) max_hold: Option<Duration>,
    pub(super) sharing: PhantomData<fn() -> S>,
}

impl Locks {
    /// Locks of this process only: for development, tests, and programs that run once.
    ///
    /// They behave as those in Redis do, also in that they run out.
    pub fn in_process() -> Self {
        Self::of(Core::new(Local::default()))
    }

    /// Locks in PostgreSQL that outlast a transaction, on connections of their own: ten at most.
    ///
    /// A lock that is held, or waited for, has a connection outside of the sessions' pool. So it is free as soon
    /// as its holder's process is gone, and lost with its connection; the time to live is for how long a holder
    /// that cannot reach the server goes on trusting in it. They are the same locks as those of
    /// [`Session::advisory_lock`](crate::Session::advisory_lock) on the same name, which a session holds for
    /// its transaction: prefer these where a transaction is long enough.
    ///
    /// # Guarantees
    /// - The [`fence`](LockGuard::fence) grows with each acquisition, also where the data move to another server
    ///   by a dump or an upgrade: it counts the server's transactions. Where the server crashed, or a replica took
    ///   over, right after an acquisition under which nothing was written yet, the same number may come again.
    /// - Where a holder's host is gone without a word, others get the lock within half a minute (by TCP's
    ///   keep-alive; not on a Unix socket, where holder and server are one host).
    ///
    /// # Errors
    /// [`Error::Pooled`](crate::Error::Pooled) behind PgBouncer, which gives the connection to others: connect
    /// another [`Database`] to PostgreSQL itself; [`Error::Unsupported`](crate::Error::Unsupported) on SQLite.
    #[doc(alias = "PgAdvisoryLock")]
    pub fn postgres(database: &Database) -> Result<Self> {
        Self::postgres_with(database, DEFAULT_CONNECTIONS)
    }

    /// The same, with so many connections at most, at least one. A lock that needs one more is
    /// [`LockError::NoConnection`] when the caller has waited.
    ///
    /// # Errors
    /// As [`postgres`](Self::postgres).
    pub fn postgres_with(database: &Database, most_connections: u32) -> Result<Self> {
        let postgres = Postgres::open(database, most_connections)?;
        Ok(Self::of(Core::new(postgres)))
    }

    pub(super) fn of(core: Arc<Core>) -> Self {
        Locks(core)
    }

    /// The lock of that name, for each tenant apart: with a time to live of 30 seconds and no cap.
    ///
    /// # Errors
    /// [`LockError::InvalidName`].
    pub fn lock(&self, name: &str) -> Result<Lock> {
        self.named(name)
    }

    /// The lock of that name that all tenants share.
    ///
    /// # Errors
    /// As [`lock`](Self::lock).
    pub fn global(&self, name: &str) -> Result<Lock<Global>> {
        self.named(name)
    }

    pub(super) fn named<S>(&self, name: &str) -> Result<Lock<S>> {
        Ok(Lock {
            core: Arc::clone(&self.0),
            name: name::parse(name)?,
            ttl: DEFAULT_TTL,
            max_hold: None,
            sharing: PhantomData,
        })
    }

    /// Goes on with a lock that another process has handed over, under the same fence. It is this process's from
    /// then on, and the token of no more use.
    ///
    /// # Errors
    /// [`LockError::Lost`] where it has run out, or another has gone on with it; [`LockError::Unsupported`] for
    /// locks in PostgreSQL; [`LockError::Unavailable`], after which it may be taken until it runs out.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the lock to run out.
    pub async fn resume(&self, token: &LockToken) -> Result<LockGuard> {
        if !self.0.backend.hands_over() {
            return Err(LockError::Unsupported {
                what: "handing a lock over",
                keeper: self.0.backend.keeper(),
            }
            .into());
        }
        let bid = token.bid()?;
        let asked = Instant::now();
        if !self.0.backend.resume(token.token, &bid).await? {
            let name = bid.name.to_string();
            return Err(LockError::Lost { name }.into());
        }
        let (fence, ttl) = (token.fence, token.ttl);
        let lease = Lease::new(bid.name, bid.token, fence, ttl, asked, None, None);
        let lease = Arc::new(lease);
        self.0.keep(&lease);
        Ok(LockGuard::new(Arc::clone(&self.0), lease))
    }

    /// Who holds which locks: those of the context's tenant, or the global ones.
    ///
    /// # Errors
    /// [`Error::MissingTenant`](crate::Error::MissingTenant); [`LockError::Unavailable`].
    ///
    /// # Cancel safety
    /// Safe at any point.
    pub async fn holders<S>(&self, owner: impl Owner<S>) -> Result<Vec<Holder>> {
        self.0.backend.holders(&owner.owner("lock")?).await
    }

    /// Takes a lock away from whoever holds it, and says whether anybody did. The holder learns of it when it
    /// renews the lock; until then both may act, and only the fence tells them apart.
    ///
    /// # Errors
    /// As [`holders`](Self::holders); [`LockError::InvalidName`].
    ///
    /// # Cancel safety
    /// Dropping the future leaves it open whether the lock was taken away.
    pub async fn force_release<S>(&self, owner: impl Owner<S>, name: &str) -> Result<bool> {
        let name = LockName::new(owner.owner(name)?, &name::parse(name)?);
        self.0.backend.evict(&name).await
    }
}

impl<S> Lock<S> {
    /// With another time to live: from 100 ms to a day. A holder that dies keeps others waiting for so long,
    /// one that is paused for longer has lost the lock.
    ///
    /// # Errors
    /// [`LockError::InvalidDuration`].
    pub fn with_ttl(mut self, ttl: Duration) -> Result<Self> {
        self.ttl = between("ttl", ttl)?;
        Ok(self)
    }

    /// With a cap: the lock is lost after so long, however alive its holder is.
    ///
    /// # Errors
    /// [`LockError::InvalidDuration`].
    pub fn with_max_hold(mut self, most: Duration) -> Result<Self> {
        self.max_hold = Some(between("max_hold", most)?);
        Ok(self)
    }

    /// Takes the lock if it is free; `None` where another has it.
    ///
    /// # Errors
    /// [`LockError::AlreadyHeld`] where the running task has it; [`LockError::Unavailable`];
    /// [`Error::MissingTenant`](crate::Error::MissingTenant).
    ///
    /// # Cancel safety
    /// What is taken for a future that was dropped is given back at once.
    pub async fn try_acquire(&self, owner: impl Owner<S>) -> Result<Option<LockGuard>> {
        acquire(&self.core, self.bid(owner)?, self.max_hold, Instant::now()).await
    }

    /// Takes the lock, and waits for it at most for `wait`.
    ///
    /// # Errors
    /// [`LockError::TimedOut`], and those of [`try_acquire`](Self::try_acquire).
    ///
    /// # Cancel safety
    /// As [`try_acquire`](Self::try_acquire).
    pub async fn acquire(&self, owner: impl Owner<S>, wait: Duration) -> Result<LockGuard> {
        let bid = self.bid(owner)?;
        let name = bid.name.to_string();
        let guard = acquire(&self.core, bid, self.max_hold, deadline(wait)).await?;
        guard.ok_or_else(|| LockError::TimedOut { name, waited: wait }.into())
    }

    /// Does work while the lock is held: what `work` makes of the fence is dropped when the lock is lost.
    ///
    /// # Errors
    /// [`LockError::Lost`], after which parts of the work may be done; those of [`acquire`](Self::acquire).
    ///
    /// # Cancel safety
    /// The work is dropped, and the lock given back.
    pub async fn run<W, T>(
        &self,
        owner: impl Owner<S>,
        wait: Duration,
        work: impl FnOnce(super::Fence) -> W,
    ) -> Result<T>
    where
        W: Future<Output = T>,
    {
        let guard = self.acquire(owner, wait).await?;
        let done = guard.while_held(work).await?;
        // It is given back all the same, when its time is over.
        if let Err(error) = guard.release().await {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "a lock was not given back"
            );
        }
        Ok(done)
    }

    /// The same, with a number.
    pub(super) fn numbered(&self, number: usize) -> Result<Self> {
        Ok(Lock {
            name: name::parse(&format!("{}#{number}", self.name))?,
            ..self.clone()
        })
    }

    pub(super) fn bid(&self, owner: impl Owner<S>) -> Result<Bid> {
        let request_id = owner.request().map(str::to_owned);
        let owner = owner.owner(&self.name)?;
        Ok(Bid {
            holder: holder(&self.name, request_id),
            name: LockName::new(owner, &self.name),
            token: Uuid::new_v4(),
            ttl: self.ttl,
        })
    }
}

/// A wait may be as long as a duration can be.
pub(super) fn deadline(wait: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(wait.min(FOREVER)).unwrap_or(now)
}

impl LockToken {
    /// The wish to go on with it, under a token of its own.
    fn bid(&self) -> Result<Bid> {
        let tenant = self.tenant.as_deref().map(TenantId::parse).transpose()?;
        let name = name::parse(&self.name)?;
        Ok(Bid {
            holder: holder(&name, None),
            name: LockName::new(OwnerName::of(tenant), &name),
            token: Uuid::new_v4(),
            ttl: self.ttl,
        })
    }
}

/// This process, as a holder from now on.
fn holder(name: &str, request_id: Option<String>) -> Holder {
    /// The name of this machine.
    static HOST: LazyLock<String> =
        LazyLock::new(|| gethostname::gethostname().to_string_lossy().into_owned());
    Holder {
        name: name.to_owned(),
        fence: None,
        host: HOST.clone(),
        process: std::process::id(),
        request_id,
        since: Utc::now(),
    }
}

fn between(option: &'static str, duration: Duration) -> Result<Duration> {
    within(option, duration, LEAST_TTL..=MOST_TTL)
}

/// A duration that an option allows.
pub(super) fn within(
    option: &'static str,
    duration: Duration,
    allowed: RangeInclusive<Duration>,
) -> Result<Duration> {
    match allowed.contains(&duration) {
        true => Ok(duration),
        false => Err(LockError::InvalidDuration {
            option,
            least: *allowed.start(),
            most: *allowed.end(),
        }
        .into()),
    }
}

impl fmt::Debug for Locks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locks")
            .field("keeper", &self.0.backend.keeper())
            .field("held", &self.statistics().held)
            .finish_non_exhaustive()
    }
}

impl<S> Clone for Lock<S> {
    fn clone(&self) -> Self {
        Lock {
            core: Arc::clone(&self.core),
            name: Arc::clone(&self.name),
            ttl: self.ttl,
            max_hold: self.max_hold,
            sharing: PhantomData,
        }
    }
}

impl<S> fmt::Debug for Lock<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock")
            .field("name", &self.name)
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}
