//! The pure state of a unit of work: which levels are open, what has failed, what must be sent
//! before the next statement. It knows no connection, and is edited synchronously, also on drop.

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use super::change::Changes;
use crate::entity::cached::Changed;
use crate::error::{Error, ErrorKind, Result};

/// A level of nesting; 0 is the unit of work itself. Ids are never used twice, and grow inwards.
///
/// A session is known by the id of the level that it opened. A savepoint by name is one more level of
/// its session.
pub type LevelId = u64;

/// A command that precedes a statement, in the same batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    Begin,
    Savepoint(LevelId),
    /// Statements of the level wait for locks no longer than so many milliseconds.
    LimitLocks(LevelId, u32),
    Release(LevelId),
    /// The level was released, and locks are waited for as before it.
    UnlimitLocks(LevelId),
    /// Undoes the level and gives its savepoint up.
    RollBackTo(LevelId),
}

/// The state; `A` is an action after commit.
pub struct Ledger<A> {
    /// From the outermost in; those that were sent come first.
    levels: Vec<Level<A>>,
    pending: Vec<Command>,
    next: LevelId,
    streaming: bool,
    /// A statement of this level is under way; whoever holds the connection and finds this set has
    /// its answer still to come.
    unanswered: Option<LevelId>,
    /// Counts the actions, which run in the order in which they were added.
    actions: u64,
    /// A prefix is under way; whoever holds the connection and finds this set was not its sender.
    sending: bool,
    doubt: Option<&'static str>,
}

struct Level<A> {
    id: LevelId,
    session: LevelId,
    /// Of a savepoint by name.
    name: Option<String>,
    /// How long statements wait for a lock, in milliseconds, where that differs from the outer level.
    lock_timeout: Option<u32>,
    /// Its savepoint (or BEGIN) was sent: it is open, or the connection is in doubt.
    sent: bool,
    /// What failed in it.
    failure: Option<ErrorKind>,
    actions: Vec<(u64, A)>,
    changes: Changes,
}

impl<A> Ledger<A> {
    pub fn new() -> Self {
        Ledger {
            levels: vec![Level::new(0, 0)],
            pending: Vec::new(),
            next: 1,
            streaming: false,
            unanswered: None,
            actions: 0,
            sending: false,
            doubt: None,
        }
    }

    /// Whether BEGIN was sent, and the unit of work has not ended.
    pub fn is_begun(&self) -> bool {
        self.levels.first().is_some_and(|level| level.sent)
    }

    /// Whether `session` has not ended.
    pub fn is_open(&self, session: LevelId) -> bool {
        self.position(session).is_some()
    }

    /// Opens a session inside `parent`.
    pub fn nest(&mut self, parent: LevelId) -> Result<LevelId> {
        self.check(parent)?;
        let id = self.next;
        Ok(self.open(Level::new(id, id)))
    }

    /// Opens a session inside `parent` that waits for locks no longer than `milliseconds`.
    pub fn nest_limited(&mut self, parent: LevelId, milliseconds: u32) -> Result<LevelId> {
        self.check(parent)?;
        let id = self.next;
        Ok(self.open(Level {
            lock_timeout: Some(milliseconds),
            ..Level::new(id, id)
        }))
    }

    /// Opens a savepoint. A later one of the same name hides the earlier.
    pub fn mark(&mut self, session: LevelId, name: &str) -> Result<()> {
        self.check(session)?;
        self.open(Level {
            name: Some(name.to_owned()),
            ..Level::new(self.next, session)
        });
        Ok(())
    }

    /// Undoes what ran since the savepoint, which stays. Returns what [`roll_back`](Self::roll_back)
    /// does.
    pub fn roll_back_to(&mut self, session: LevelId, name: &str) -> Result<Vec<A>> {
        self.check_idle(session)?;
        let level = self.marked(session, name)?;
        let never = self.roll_back(level);
        self.open(Level {
            name: Some(name.to_owned()),
            ..Level::new(self.next, session)
        });
        Ok(never)
    }

    /// Gives the savepoint up, and those after it; what ran since stays.
    pub fn release(&mut self, session: LevelId, name: &str) -> Result<()> {
        self.check(session)?;
        let level = self.marked(session, name)?;
        self.merge(level);
        Ok(())
    }

    /// What must be sent before a statement of `session`. Both are about to be sent.
    pub fn enter(&mut self, session: LevelId) -> Result<Vec<Command>> {
        self.check(session)?;
        let mut commands = std::mem::take(&mut self.pending);
        for level in self.levels.iter_mut().filter(|level| !level.sent) {
            level.sent = true;
            commands.push(match level.id {
                0 => Command::Begin,
                id => Command::Savepoint(id),
            });
            let limit = level.lock_timeout;
            commands.extend(limit.map(|it| Command::LimitLocks(level.id, it)));
        }
        self.sending = !commands.is_empty();
        self.unanswered = self.levels.last().map(|level| level.id);
        Ok(commands)
    }

    /// The prefix was answered.
    pub fn sent(&mut self) {
        self.sending = false;
    }

    /// The connection was taken: a prefix that was never answered leaves it in doubt.
    pub fn taken(&mut self) {
        if self.sending {
            self.doubt("a control statement was interrupted or refused");
        }
    }

    /// Whether a statement was sent that nobody waited for.
    pub fn is_unanswered(&self) -> bool {
        self.unanswered.is_some()
    }

    /// The prefix went down with its connection, and nothing was seen of it: what is open will be sent
    /// again, to another server.
    pub fn restart(&mut self) {
        self.sending = false;
        self.unanswered = None;
        self.doubt = None;
        self.pending.clear();
        for level in &mut self.levels {
            level.sent = false;
        }
    }

    /// The statement was answered, or never sent. After a failure its level can only be rolled back.
    pub fn answered(&mut self, failure: Option<ErrorKind>) {
        let Some(level) = self.unanswered.take() else {
            return;
        };
        if let Some(level) = self.levels.iter_mut().find(|l| l.id == level) {
            level.failure = level.failure.or(failure);
        }
    }

    /// The state of the connection is not known: nothing more can be sent.
    pub fn doubt(&mut self, reason: &'static str) {
        self.doubt = Some(reason);
    }

    /// Refuses to wait for the connection while a stream holds it.
    pub fn check_stream(&self) -> Result<()> {
        if self.streaming {
            return Err(Error::Busy {
                reason: "a stream of it is still open: read it to its end or drop it",
            });
        }
        Ok(())
    }

    pub fn set_streaming(&mut self, streaming: bool) {
        self.streaming = streaming;
    }

    /// Adds an action for when everything is committed.
    pub fn act(&mut self, session: LevelId, action: A) -> Result<()> {
        let mut levels = self.levels.iter_mut().rev();
        let level = levels.find(|level| level.session == session);
        level
            .ok_or(Error::Ended)?
            .actions
            .push((self.actions, action));
        self.actions += 1;
        Ok(())
    }

    /// Notes what a statement of the innermost level may change.
    pub fn change(&mut self, changed: Changed) {
        if let Some(level) = self.levels.last_mut() {
            level.changes.add(changed);
        }
    }

    /// What was changed, and not undone since.
    pub fn changes(&self) -> Changes {
        let mut changes = Changes::default();
        for level in &self.levels {
            changes.absorb(level.changes.clone());
        }
        changes
    }

    /// Ends a nested session well. After an error it is still open, to be rolled back.
    pub fn commit(&mut self, session: LevelId) -> Result<()> {
        self.check(session)?;
        self.merge(session);
        Ok(())
    }

    /// Ends `level`, and whatever is open inside it, undoing both.
    ///
    /// Returns the actions that will not run. They may own sessions of this very unit: the caller
    /// drops them when the ledger is free again.
    #[must_use = "drop the actions when the ledger is free again"]
    pub fn roll_back(&mut self, level: LevelId) -> Vec<A> {
        let Some(at) = self.position(level) else {
            return Vec::new();
        };
        let ended = self.levels.split_off(at);
        // What was pending inside the level goes with it.
        self.pending.retain(|command| match command {
            Command::Release(id) | Command::UnlimitLocks(id) | Command::RollBackTo(id) => {
                *id < level
            }
            Command::Begin | Command::Savepoint(_) | Command::LimitLocks(..) => true,
        });
        if ended.first().is_some_and(|ended| ended.sent) {
            self.pending.push(Command::RollBackTo(level));
        }
        let actions = ended.into_iter().flat_map(|level| level.actions);
        actions.map(|(_, action)| action).collect()
    }

    /// Ends the unit of work well: the actions to run after COMMIT.
    pub fn finish(&mut self) -> Result<Vec<A>> {
        self.check(0)?;
        let ended = self.levels.drain(..);
        let mut actions: Vec<_> = ended.flat_map(|level| level.actions).collect();
        actions.sort_unstable_by_key(|(number, _)| *number);
        Ok(actions.into_iter().map(|(_, action)| action).collect())
    }

    /// What must be sent before COMMIT, which releases every savepoint itself.
    pub fn before_commit(&self) -> impl Iterator<Item = Command> {
        self.pending
            .iter()
            .copied()
            .filter(|command| matches!(command, Command::RollBackTo(_) | Command::UnlimitLocks(_)))
    }

    /// Whether `session` can send a statement now.
    pub fn check(&self, session: LevelId) -> Result<()> {
        self.check_idle(session)?;
        match self.levels.iter().find_map(|level| level.failure) {
            Some(cause) => Err(Error::Aborted { cause: Some(cause) }),
            None => Ok(()),
        }
    }

    /// Whether `session` is open, and nothing inside it.
    fn check_idle(&self, session: LevelId) -> Result<()> {
        if let Some(reason) = self.doubt {
            return Err(Error::InDoubt { reason });
        }
        if !self.is_open(session) {
            return Err(Error::Ended);
        }
        self.check_stream()?;
        match self.levels.last() {
            Some(last) if last.session != session => Err(Error::Busy {
                reason: "a nested session is still open: commit it, roll it back or drop it",
            }),
            _ => Ok(()),
        }
    }

    fn position(&self, level: LevelId) -> Option<usize> {
        self.levels.iter().position(|l| l.id == level)
    }

    /// The session's last savepoint of that name.
    fn marked(&self, session: LevelId, name: &str) -> Result<LevelId> {
        let mut levels = self.levels.iter().rev();
        let level =
            levels.find(|level| level.session == session && level.name.as_deref() == Some(name));
        level
            .map(|level| level.id)
            .ok_or_else(|| Error::UnknownSavepoint {
                name: name.to_owned(),
            })
    }

    fn open(&mut self, level: Level<A>) -> LevelId {
        let id = level.id;
        self.next = id + 1;
        self.levels.push(level);
        id
    }

    /// Gives what ran in the level, and inside it, to the level below.
    fn merge(&mut self, level: LevelId) {
        let Some(at) = self.position(level) else {
            return;
        };
        let ended = self.levels.split_off(at);
        if let Some(first) = ended.first().filter(|level| level.sent) {
            self.pending.push(Command::Release(level));
            if first.lock_timeout.is_some() {
                self.pending.push(Command::UnlimitLocks(level));
            }
        }
        if let Some(below) = self.levels.last_mut() {
            // A failure that is still to be told is that of the level below.
            if ended.iter().any(|level| self.unanswered == Some(level.id)) {
                self.unanswered = Some(below.id);
            }
            for level in ended {
                below.actions.extend(level.actions);
                below.changes.absorb(level.changes);
            }
        }
    }
}

impl<A> Level<A> {
    fn new(id: LevelId, session: LevelId) -> Self {
        Level {
            id,
            session,
            name: None,
            lock_timeout: None,
            sent: false,
            failure: None,
            actions: Vec::new(),
            changes: Changes::default(),
        }
    }
}
