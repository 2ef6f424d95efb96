//! Owns a unit's connection, and gives back a clean one or none.
//!
//! sqlx's own `begin` returns a connection inside a transaction to the pool where its future is
//! dropped at the wrong moment. Here whoever owns the connection knows whether it is clean: from
//! before BEGIN is sent until COMMIT or ROLLBACK is answered, it is not.

use std::sync::Arc;
use std::time::Duration;

use super::cut::Cut;
use super::live::Ticket;
use super::replica::Replica;
use super::tally::Outcome;
use super::wire::Wire;

/// How long a rollback in the background may take before the connection is closed instead.
const RESET_TIMEOUT: Duration = Duration::from_secs(5);

/// The place of a connection.
#[derive(Default)]
pub struct Slot {
    wire: Option<Wire>,
    dirty: bool,
    /// Raw SQL ran, and may have left something that outlives the transaction.
    tainted: bool,
    /// A prepared statement no longer fits the tables that it finds.
    stale: bool,
    cut: Arc<Cut>,
    ticket: Option<Ticket>,
    replica: Option<OnReplica>,
}

/// The replica on which the transaction runs.
struct OnReplica {
    replica: Arc<Replica>,
    /// A statement was answered: the session has seen this replica's state.
    is_seen: bool,
}

impl Slot {
    /// Takes a connection for a transaction that is about to begin: from now on, it is not clean.
    pub fn hold(&mut self, wire: Wire) -> (&mut Wire, &Cut) {
        self.dirty = true;
        (self.wire.insert(wire), &self.cut)
    }

    /// Whether the session has its place among the live ones.
    pub fn is_live(&self) -> bool {
        self.ticket.is_some()
    }

    /// Keeps the session's place until its connection is clean or closed.
    pub fn keep(&mut self, ticket: Ticket) {
        self.ticket = Some(ticket);
    }

    /// The transaction began on `replica`.
    pub fn on(&mut self, replica: &Arc<Replica>) {
        self.replica = Some(OnReplica {
            replica: Arc::clone(replica),
            is_seen: false,
        });
    }

    /// Tells the replica, if it is one, that its connection broke; whether the session may go on
    /// elsewhere, because it has seen nothing yet.
    pub fn broke(&mut self, error: &sqlx::Error) -> bool {
        let Some(on) = &self.replica else {
            return false;
        };
        on.replica.lose(error);
        !on.is_seen && !self.cut.is_given()
    }

    /// The replica has answered a statement.
    pub fn seen(&mut self) {
        if let Some(on) = &mut self.replica {
            on.is_seen = true;
        }
    }

    pub fn cut(&self) -> &Arc<Cut> {
        &self.cut
    }

    /// Gives up the session's place, to whoever goes on for it without the connection.
    pub fn leave(&mut self) -> Option<Ticket> {
        self.ticket.take()
    }

    /// How the session ended, for whoever counts.
    pub fn ends(&mut self, outcome: Outcome) {
        if let Some(ticket) = &mut self.ticket {
            ticket.ends(outcome);
        }
    }

    /// The connection of the running transaction; none before it began and after it ended, so that
    /// no statement runs outside of it.
    pub fn running(&mut self) -> Option<(&mut Wire, &Cut)> {
        let wire = self.wire.as_mut().filter(|_| self.dirty)?;
        Some((wire, &self.cut))
    }

    /// Raw SQL is about to run.
    pub fn taint(&mut self) {
        self.tainted = true;
    }

    /// A prepared statement of the connection no longer fits the tables that it finds.
    pub fn outdate(&mut self) {
        self.stale = true;
    }

    /// Forgets the prepared statements, where one of them no longer fits.
    pub async fn refresh(&mut self) -> Result<(), sqlx::Error> {
        if self.stale
            && let Some((wire, cut)) = self.running()
        {
            cut.or(wire.forget_statements()).await?;
            self.stale = false;
        }
        Ok(())
    }

    /// The transaction was answered to have ended.
    pub fn clean(&mut self) {
        self.dirty = false;
    }

    /// Rolls back and waits for the answer.
    pub async fn roll_back(&mut self) -> Result<(), sqlx::Error> {
        if let Some((wire, cut)) = self.running() {
            cut.or(roll_back(wire)).await?;
            self.clean();
        }
        self.release();
        Ok(())
    }

    /// Gives the connection up without waiting: back to the pool if it is clean or can be cleaned
    /// in the background, closed otherwise.
    pub fn release(&mut self) {
        let ticket = self.ticket.take();
        self.give_back(ticket, Arc::clone(&self.cut));
    }

    /// The same, for a session that goes on with another connection.
    pub fn set_aside(&mut self) {
        // The session's own signal has one listener only.
        self.give_back(None, Arc::default());
    }

    fn give_back(&mut self, ticket: Option<Ticket>, cut: Arc<Cut>) {
        self.replica = None;
        let Some(wire) = self.wire.take() else {
            return;
        };
        if self.cut.is_given() {
            wire.abandon();
            return;
        }
        // Without a runtime nothing can be sent, and sqlx cannot give a connection back.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            wire.abandon();
            return;
        };
        let left = Left {
            dirty: self.dirty,
            tainted: self.tainted && wire.is_own(),
            stale: self.stale,
        };
        (self.dirty, self.tainted, self.stale) = (false, false, false);
        if left.is_nothing() {
            drop(wire);
            return;
        }
        // The guard is made before the task: a runtime that shuts down drops it unpolled.
        let doubtful = Doubtful(Some(wire));
        cut.in_background();
        runtime.spawn(async move {
            let mut doubtful = doubtful;
            doubtful.reset(left, &cut).await;
            drop(doubtful);
            drop(ticket);
        });
    }

    /// Closes the connection without a word; the session may take another.
    pub fn discard(&mut self) {
        if let Some(wire) = self.wire.take() {
            wire.abandon();
        }
        (self.dirty, self.tainted, self.stale) = (false, false, false);
        self.replica = None;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.release();
    }
}

/// What a session leaves on its connection.
#[derive(Clone, Copy)]
struct Left {
    dirty: bool,
    tainted: bool,
    stale: bool,
}

impl Left {
    fn is_nothing(self) -> bool {
        !self.dirty && !self.tainted && !self.stale
    }
}

/// A connection that is closed unless it was reset.
struct Doubtful(Option<Wire>);

impl Doubtful {
    async fn reset(&mut self, left: Left, cut: &Cut) {
        let Some(wire) = &mut self.0 else {
            return;
        };
        let reset = async {
            if left.dirty {
                roll_back(wire).await?;
            }
            if left.tainted {
                wire.batch(TIDY).await?;
            }
            if left.stale {
                wire.forget_statements().await?;
            }
            Ok::<_, sqlx::Error>(())
        };
        match tokio::time::timeout(RESET_TIMEOUT, cut.or(reset)).await {
            Ok(Ok(())) => drop(self.0.take()),
            Ok(Err(error)) => {
                tracing::warn!(%error, "rollback failed: the connection is closed");
            }
            Err(_) => tracing::warn!("rollback timed out: the connection is closed"),
        }
    }
}

impl Drop for Doubtful {
    fn drop(&mut self) {
        if let Some(wire) = self.0.take() {
            wire.abandon();
        }
    }
}

/// Takes away what raw SQL may leave on a connection of PostgreSQL beyond its transaction: cursors
/// WITH HOLD, role, settings, LISTEN, advisory locks, temporary tables, last values of sequences. It
/// is DISCARD ALL without the prepared statements, of which sqlx keeps account.
const TIDY: &str = "CLOSE ALL;SET SESSION AUTHORIZATION DEFAULT;RESET ROLE;RESET ALL;UNLISTEN *;\
                    SELECT pg_advisory_unlock_all();DISCARD TEMP;DISCARD SEQUENCES";

async fn roll_back(wire: &mut Wire) -> Result<(), sqlx::Error> {
    // The answers to cancelled statements come first, and may be errors.
    wire.drain().await?;
    match wire {
        Wire::Postgres { .. } => wire.batch("ROLLBACK").await.map(drop),
        Wire::Sqlite { .. } => {
            // A read session on SQLite forbids writing for the connection, not for the transaction.
            wire.batch("PRAGMA query_only=0").await?;
            match wire.batch("ROLLBACK").await {
                // Its BEGIN was cancelled before it ran.
                Err(error) if error.to_string().contains("no transaction is active") => Ok(()),
                ended => ended.map(drop),
            }
        }
    }
}
