//! `Databases`: the public type.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::connect;
use super::limits::DatabaseLimits;
use super::shelf::{Found, Outcome, Shelf};
use super::statistics::{DatabasesStatistics, Tally};
use crate::config::DatabaseConfig;
use crate::error::{Error, Result, TenancyError};
#[cfg(feature = "cache")]
use crate::session::Follow;
use crate::session::{Closed, Database, Followers};
use crate::tenancy::DatabaseName;

/// Databases by name, each connected when it is first asked for; clones share them.
///
/// Each is a [`Database`] with pools of its own, so their number is limited: where a place is needed, the
/// one is closed that nobody has used for the longest time.
///
/// ```no_run
/// use dotmac_database::prelude::*;
/// use dotmac_database::tenancy::{DatabaseName, Databases};
///
/// # async fn run() -> Result<(), Error> {
/// let databases = Databases::new(|name| {
///     DatabaseConfig::new(&format!("postgres://app:secret@{name}.internal/shop"))
/// });
/// let db = databases.database(&DatabaseName::parse("eu-1")?).await?;
/// # let _ = db; Ok(()) }
/// ```
///
/// # Guarantees
/// - However many ask for a database, it is connected once; those who wait share an error, and whoever asks
///   later tries again.
/// - A database is not closed while a handle of it lives, or a session: only
///   [`close_within`](Self::close_within) does that. Connections of
///   [`Database::plain`](crate::Database::plain) are not seen.
#[derive(Clone)]
pub struct Databases(Arc<Inner>);

type Configure = dyn Fn(&DatabaseName) -> Result<DatabaseConfig> + Send + Sync;

pub struct Inner {
    pub configure: Box<Configure>,
    pub limits: DatabaseLimits,
    pub tally: Tally,
    /// Who follows all of them.
    pub followers: Arc<Followers>,
    /// A place or a database came free, or nobody shall wait any more.
    pub freed: Arc<Notify>,
    pub expiry: OnceLock<AbortHandle>,
    shelf: Mutex<Shelf>,
}

impl Databases {
    /// Databases with the default limits; `configure` tells how each is connected.
    pub fn new(
        configure: impl Fn(&DatabaseName) -> Result<DatabaseConfig> + Send + Sync + 'static,
    ) -> Self {
        Self::with_limits(DatabaseLimits::default(), configure)
    }

    /// Databases with other limits.
    pub fn with_limits(
        limits: DatabaseLimits,
        configure: impl Fn(&DatabaseName) -> Result<DatabaseConfig> + Send + Sync + 'static,
    ) -> Self {
        Databases(Arc::new(Inner {
            configure: Box::new(configure),
            limits,
            tally: Tally::default(),
            followers: Arc::default(),
            freed: Arc::default(),
            expiry: OnceLock::new(),
            shelf: Mutex::default(),
        }))
    }

    /// The database of that name, connected if it is not yet. Keep the handle for as long as it is used,
    /// and not for longer: it keeps the database open.
    ///
    /// # Errors
    /// Those of `configure`, and of [`Database::connect`]; [`TenancyError::DatabasesInUse`] where no place
    /// came free in time; [`Error::Closed`].
    ///
    /// # Cancel safety
    /// Safe at any point. A connect that has begun goes on, for whoever asks next.
    pub async fn database(&self, name: &DatabaseName) -> Result<Database> {
        let inner = &self.0;
        let deadline = Instant::now() + inner.limits.wait_limit;
        let mut has_waited = false;
        loop {
            // Listening before looking: what comes free in between is not missed.
            let mut freed = pin!(inner.freed.notified());
            freed.as_mut().enable();
            let found = inner.shelf().ask(name, inner.limits.max_open)?;
            match found {
                Found::Open(db) => return Ok(db),
                Found::Connecting(outcome) => return connected(outcome).await,
                Found::Reserved {
                    outcome,
                    sender,
                    given_up,
                } => {
                    let task = connect::run(Arc::clone(inner), name.clone(), sender, given_up);
                    tokio::spawn(task);
                    return connected(outcome).await;
                }
                Found::Full => {
                    if !std::mem::replace(&mut has_waited, true) {
                        inner.tally.waited.add();
                    }
                    if timeout_at(deadline, freed).await.is_err() {
                        inner.tally.gave_up.add();
                        let open = inner.limits.max_open;
                        return Err(TenancyError::DatabasesInUse { open }.into());
                    }
                }
            }
        }
    }

    /// What became of the databases so far, and how many are open.
    pub fn statistics(&self) -> DatabasesStatistics {
        let inner = &self.0;
        let count = inner.shelf().count();
        DatabasesStatistics::of(count, inner.limits.max_open, &inner.tally)
    }

    /// Gives the statistics to the recorder of the `metrics` facade, and those of each database that is
    /// open, under the names of [`telemetry`](crate::telemetry).
    pub fn record_metrics(&self) {
        self.statistics().record();
        let open = self.0.shelf().open();
        for db in open {
            db.record_metrics();
        }
    }

    /// Hands out no database from now on ([`Error::Closed`]), and closes all as
    /// [`Database::close_within`] does; those that are being connected as well.
    ///
    /// # Cancel safety
    /// Dropping the future leaves databases refused, and those that were not closed yet to their
    /// users.
    pub async fn close_within(&self, deadline: Duration) -> Closed {
        let inner = &self.0;
        let (open, connecting) = {
            let mut shelf = inner.shelf();
            shelf.closing = true;
            shelf.clear()
        };
        if let Some(expiry) = inner.expiry.get() {
            expiry.abort();
        }
        inner.freed.notify_waiters();
        let closed = join_all(open.iter().map(|db| db.close_within(deadline)));
        // Each closes what it has connected.
        let connecting = join_all(connecting.into_iter().map(connected));
        let (closed, _) = tokio::join!(closed, tokio::time::timeout(deadline, connecting));
        Closed {
            cut_off: closed.iter().map(|closed| closed.cut_off).sum(),
        }
    }
}

#[cfg(feature = "cache")]
impl Databases {
    /// Lets `follower` act on what units of work change from now on, in those that are not connected yet too.
    pub(in crate::tenancy) fn follow(&self, follower: Arc<dyn Follow>) {
        self.0.followers.add(follower);
    }
}

impl Inner {
    /// The state. It is edited in single steps, so that a panic cannot leave it half done.
    pub fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a connect comes to.
async fn connected(mut outcome: watch::Receiver<Outcome>) -> Result<Database> {
    let connected = outcome.wait_for(Option::is_some).await;
    match connected.ok().and_then(|connected| connected.clone()) {
        Some(connected) => connected,
        // The runtime ended the task.
        None => Err(Error::Closed),
    }
}

impl std::fmt::Debug for Databases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Databases")
            .field("limits", &self.0.limits)
            .field("statistics", &self.statistics())
            .finish_non_exhaustive()
    }
}
