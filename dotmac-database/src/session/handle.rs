//! `Session`: the public type.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::{DbBackend, IsolationLevel};

use super::action::Action;
use super::cluster::Cluster;
use super::follow::Committed;
use super::hold::Hold;
use super::ledger::LevelId;
use super::row_lock::milliseconds;
use super::unit::Unit;
use crate::context::{RequestContext, SessionPath};
use crate::error::{Error, Result};

/// A unit of work: a transaction with its context, and a SeaORM connection.
///
/// It implements SeaORM's `ConnectionTrait`, `TransactionTrait` and `StreamTrait`. It takes a
/// connection and begins at its first statement; BEGIN and the context travel in one round trip.
/// Statements of several tasks on one session wait for each other.
/// A session that runs no statement costs nothing.
///
/// A nested session (`begin()`) is a savepoint with the same context. While it is open, its parent
/// takes no statement.
///
/// # Guarantees
/// - A session that is dropped without [`commit`](Self::commit), by an error, a panic or a cancelled
///   future, is rolled back, and its connection meets no other user before that.
/// - After a failed statement nothing of the unit of work (or of the nested session) is committed;
///   `commit` is then [`Error::Aborted`]. [`roll_back_to`](Self::roll_back_to) takes the failure back.
/// - In a read session the database refuses writes.
///
/// # Cancel safety
/// Dropping the future of a statement leaves the session usable, except during the first one of a
/// session, nested session or savepoint, and the first after the end of one, where BEGIN, SAVEPOINT or
/// RELEASE may be under way: then the whole unit of work is [`Error::InDoubt`] from there on, and is
/// rolled back. A dropped statement may or may not have run.
#[must_use = "a session that is dropped is rolled back"]
pub struct Session {
    unit: Arc<Unit>,
    level: LevelId,
    ended: bool,
}

/// What a session asks of its transaction.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct SessionOptions {
    /// READ ONLY in the database.
    pub read_only: bool,
    /// The isolation level; by default the database's.
    pub isolation: Option<IsolationLevel>,
    /// Never on a replica.
    pub on_primary: bool,
    /// What the connection has prepared may not fit.
    pub(super) prepares_anew: bool,
}

impl SessionOptions {
    /// Writes at this isolation level.
    pub fn isolation(level: IsolationLevel) -> Self {
        SessionOptions {
            isolation: Some(level),
            ..SessionOptions::default()
        }
    }

    /// READ ONLY, and on a replica if one is fit.
    pub fn read_only() -> Self {
        SessionOptions {
            read_only: true,
            ..SessionOptions::default()
        }
    }

    /// On the primary, also where a replica is fit: for what must see the latest state whoever wrote
    /// it, and for what a replica cannot do, such as advisory locks that others respect.
    pub fn on_primary(self) -> Self {
        SessionOptions {
            on_primary: true,
            ..self
        }
    }
}

impl Session {
    pub(super) fn open(
        cluster: &Arc<Cluster>,
        context: RequestContext,
        path: Option<SessionPath>,
        options: SessionOptions,
        hold: Option<Hold>,
    ) -> Self {
        let unit = Unit::new(cluster, context, path, options, hold);
        Session {
            unit: Arc::new(unit),
            level: 0,
            ended: false,
        }
    }

    /// The context it carries.
    pub fn context(&self) -> &RequestContext {
        self.unit.context()
    }

    /// Whether the database refuses writes in it.
    pub fn is_read_only(&self) -> bool {
        self.unit.is_read_only()
    }

    /// Whether it may run on a replica.
    pub(crate) fn may_run_on_replica(&self) -> bool {
        self.unit.may_run_on_replica()
    }

    /// The database it runs on.
    pub fn backend(&self) -> DbBackend {
        self.unit.backend()
    }

    /// Opens a session inside this one: a savepoint, sent with its first statement.
    ///
    /// # Errors
    /// [`Error::Busy`] while another nested session or a stream is open.
    pub fn nested(&self) -> Result<Session> {
        let level = self.unit.ledger().nest(self.level)?;
        Ok(self.inner(level))
    }

    /// A nested session whose statements wait for a lock no longer than `limit`: in whole milliseconds, at
    /// least one.
    pub(crate) fn nested_limited(&self, limit: Duration) -> Result<Session> {
        let limit = milliseconds(limit);
        let level = self.unit.ledger().nest_limited(self.level, limit)?;
        Ok(self.inner(level))
    }

    fn inner(&self, level: LevelId) -> Session {
        Session {
            unit: Arc::clone(&self.unit),
            level,
            ended: false,
        }
    }

    /// Runs `action` once everything is committed: after COMMIT of the outermost session, and not
    /// at all after a rollback, also of this nested session only.
    ///
    /// Actions run in the order in which they were added, inside the future of the outermost
    /// `commit`, which goes on if its caller drops it. A panic in one is logged, and the others run.
    ///
    /// # Errors
    /// [`Error::Ended`].
    pub fn after_commit<F, Fut>(&self, action: F) -> Result<()>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.act(Action::new(Committed::Surely, action))
    }

    /// The same, and the action also runs where the outcome of COMMIT is not known: for what does no harm if
    /// nothing was committed.
    #[cfg(feature = "cache")]
    pub(crate) fn after_possible_commit<F, Fut>(&self, action: F) -> Result<()>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.act(Action::new(Committed::Perhaps, action))
    }

    fn act(&self, action: Action) -> Result<()> {
        if self.unit.ledger().is_open(self.level) {
            return self.unit.ledger().act(self.level, action);
        }
        // Dropped with the ledger free: it may own a session of this unit.
        drop(action);
        Err(Error::Ended)
    }

    /// Commits. A nested session gives its work to its parent, without a round trip.
    ///
    /// # Errors
    /// [`Error::Aborted`] after a failed statement; [`Error::CommitUnknown`] where the connection
    /// broke while COMMIT was under way; the database's error where a deferred constraint fails.
    ///
    /// # Cancel safety
    /// Dropping the future does not stop it: COMMIT and the actions after it go on in the background.
    pub async fn commit(mut self) -> Result<()> {
        self.ended = true;
        let unit = Arc::clone(&self.unit);
        if self.level != 0 {
            return unit.release(self.level);
        }
        drop(self);
        unit.commit().await
    }

    /// Rolls back, and waits for the answer; a nested session is undone with the next statement of its
    /// parent. Dropping a session does the same without waiting.
    ///
    /// # Errors
    /// The connection's, where it broke; the work is rolled back all the same.
    ///
    /// # Cancel safety
    /// Dropping the future rolls back in the background.
    pub async fn rollback(mut self) -> Result<()> {
        if self.level != 0 {
            return Ok(());
        }
        let rolled_back = self.unit.roll_back().await;
        self.ended = true;
        rolled_back
    }

    /// Runs the unit of work: committed where it is `Ok`.
    pub(super) async fn run<T, E>(
        self,
        work: impl AsyncFnOnce(&Session) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        let value = work(&self).await?;
        self.commit().await?;
        Ok(value)
    }

    pub(super) fn unit(&self) -> &Unit {
        &self.unit
    }

    pub(super) fn level(&self) -> LevelId {
        self.level
    }

    /// The nested session with which SeaORM's `begin` asks for these options.
    pub(super) fn nested_with(
        &self,
        isolation: Option<IsolationLevel>,
        read_only: bool,
    ) -> Result<Session> {
        if isolation.is_some() {
            return Err(Error::Busy {
                reason: "a nested session has the isolation level of the outermost one",
            });
        }
        if read_only && !self.is_read_only() {
            return Err(Error::Busy {
                reason: "a session inside a writing one cannot be read only: use `db.read`",
            });
        }
        self.nested()
    }
}

/// One unit of work for a whole request: its owner ends it, whoever shares it.
#[cfg(any(feature = "axum", feature = "poem"))]
impl Session {
    /// Another handle on this unit of work, whose drop does not end it.
    pub(crate) fn share(&self) -> Session {
        Session {
            unit: Arc::clone(&self.unit),
            level: self.level,
            ended: true,
        }
    }

    /// Whether nobody has ended it yet.
    pub(crate) fn is_open(&self) -> bool {
        self.unit.ledger().is_open(self.level)
    }

    /// Commits as [`commit`](Self::commit) does, and ends every handle.
    pub(crate) async fn commit_shared(&self) -> Result<()> {
        Arc::clone(&self.unit).commit().await
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        match self.level {
            0 => self.unit.abandon(),
            level => self.unit.undo(level),
        }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("context", self.context())
            .field("read_only", &self.is_read_only())
            .field("level", &self.level)
            .finish()
    }
}
