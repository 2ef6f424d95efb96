//! The pure state of a unit of work: which levels are open, what has failed, what must be sent
//! before the next statement. It knows no connection, and is edited synchronously, also on drop.

use crate::error::{Error, Result};

/// A level of nesting; 0 is the unit of work itself. Ids are never used twice.
pub type LevelId = u64;

/// A command that precedes a statement, in the same batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    Begin,
    Savepoint(LevelId),
    Release(LevelId),
    /// Undoes the level and gives its savepoint up.
    RollBackTo(LevelId),
}

/// The state; `A` is an action after commit.
pub struct Ledger<A> {
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
    /// Its savepoint (or BEGIN) has been sent.
    open: bool,
    failed: bool,
    actions: Vec<(u64, A)>,
}

impl<A> Ledger<A> {
    pub fn new() -> Self {
        Ledger {
            levels: vec![Level::new(0)],
            pending: Vec::new(),
            next: 1,
            streaming: false,
            unanswered: None,
            actions: 0,
            sending: false,
            doubt: None,
        }
    }

    /// Whether BEGIN was answered, and the unit of work has not ended.
    pub fn is_begun(&self) -> bool {
        self.levels.first().is_some_and(|level| level.open)
    }

    /// Whether `level` has not ended.
    pub fn is_open(&self, level: LevelId) -> bool {
        self.levels.iter().any(|l| l.id == level)
    }

    /// Opens a level inside `parent`.
    pub fn nest(&mut self, parent: LevelId) -> Result<LevelId> {
        self.check(parent)?;
        let id = self.next;
        self.next += 1;
        self.levels.push(Level::new(id));
        Ok(id)
    }

    /// What must be sent before a statement of `level`.
    pub fn prefix(&self, level: LevelId) -> Result<Vec<Command>> {
        self.check(level)?;
        let unsent = self.levels.iter().filter(|level| !level.open);
        let open = unsent.map(|level| match level.id {
            0 => Command::Begin,
            id => Command::Savepoint(id),
        });
        let commands = self.pending.iter().copied().chain(open).collect();
        Ok(commands)
    }

    /// The prefix is about to be sent.
    pub fn sending(&mut self) {
        self.sending = true;
    }

    /// The connection was taken: a prefix that was never answered leaves it in doubt.
    pub fn taken(&mut self) {
        if self.sending {
            self.doubt("a control statement was interrupted or refused");
        }
    }

    /// The prefix was answered: all levels are open.
    pub fn sent(&mut self) {
        self.sending = false;
        self.pending.clear();
        for level in &mut self.levels {
            level.open = true;
        }
    }

    /// A statement of `level` is about to be sent.
    pub fn asking(&mut self, level: LevelId) {
        self.unanswered = Some(level);
    }

    /// The statement was answered.
    pub fn answered(&mut self) {
        self.unanswered = None;
    }

    /// The level of a statement that nobody waited for.
    pub fn unanswered(&self) -> Option<LevelId> {
        self.unanswered
    }

    /// A statement of `level` failed: the level can only be rolled back.
    pub fn fail(&mut self, level: LevelId) {
        if let Some(level) = self.levels.iter_mut().find(|l| l.id == level) {
            level.failed = true;
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
    pub fn act(&mut self, level: LevelId, action: A) -> Result<()> {
        let level = self.levels.iter_mut().find(|l| l.id == level);
        level
            .ok_or(Error::Ended)?
            .actions
            .push((self.actions, action));
        self.actions += 1;
        Ok(())
    }

    /// Ends a nested level well. After an error it is still open, to be rolled back.
    pub fn commit(&mut self, level: LevelId) -> Result<()> {
        self.check(level)?;
        let Some(ended) = self.levels.pop() else {
            return Err(Error::Ended);
        };
        if ended.open {
            self.pending.push(Command::Release(ended.id));
        }
        if let Some(parent) = self.levels.last_mut() {
            parent.actions.extend(ended.actions);
        }
        Ok(())
    }

    /// Ends `level`, and whatever is open inside it, undoing both.
    ///
    /// Returns the actions that will not run. They may own sessions of this very unit: the caller
    /// drops them when the ledger is free again.
    #[must_use = "drop the actions when the ledger is free again"]
    pub fn roll_back(&mut self, level: LevelId) -> Vec<A> {
        let Some(at) = self.levels.iter().position(|l| l.id == level) else {
            return Vec::new();
        };
        let ended = self.levels.split_off(at);
        // What was pending inside the level goes with it.
        self.pending.retain(|command| match command {
            Command::Release(id) | Command::RollBackTo(id) => *id < level,
            Command::Begin | Command::Savepoint(_) => true,
        });
        if ended.first().is_some_and(|ended| ended.open) {
            self.pending.push(Command::RollBackTo(level));
        }
        let actions = ended.into_iter().flat_map(|level| level.actions);
        actions.map(|(_, action)| action).collect()
    }

    /// Ends the unit of work well: the actions to run after COMMIT.
    pub fn finish(&mut self) -> Result<Vec<A>> {
        self.check(0)?;
        let mut level = self.levels.pop().ok_or(Error::Ended)?;
        level.actions.sort_unstable_by_key(|(number, _)| *number);
        Ok(level
            .actions
            .into_iter()
            .map(|(_, action)| action)
            .collect())
    }

    /// What must be sent before COMMIT, which releases every savepoint itself.
    pub fn before_commit(&self) -> impl Iterator<Item = Command> {
        self.pending
            .iter()
            .copied()
            .filter(|command| matches!(command, Command::RollBackTo(_)))
    }

    /// Whether `level` can send a statement now.
    fn check(&self, level: LevelId) -> Result<()> {
        if let Some(reason) = self.doubt {
            return Err(Error::InDoubt { reason });
        }
        let Some(at) = self.levels.iter().position(|l| l.id == level) else {
            return Err(Error::Ended);
        };
        self.check_stream()?;
        if at + 1 != self.levels.len() {
            return Err(Error::Busy {
                reason: "a nested session is still open: commit it, roll it back or drop it",
            });
        }
        match self.levels.get(at) {
            Some(level) if level.failed => Err(Error::Aborted),
            _ => Ok(()),
        }
    }
}

impl<A> Level<A> {
    fn new(id: LevelId) -> Self {
        Level {
            id,
            open: false,
            failed: false,
            actions: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Command::*;
    use super::*;
    use crate::error::ErrorKind;

    fn ledger() -> Ledger<&'static str> {
        Ledger::new()
    }

    fn kind<T>(result: Result<T>) -> Option<ErrorKind> {
        result.err().map(|error| error.kind())
    }

    #[test]
    fn first_statement_of_a_nested_session_sends_begin_and_savepoint_together() {
        let mut ledger = ledger();
        let child = ledger.nest(0).expect("nested");
        assert_eq!(
            ledger.prefix(child).expect("free"),
            [Begin, Savepoint(child)]
        );
        ledger.sent();
        assert_eq!(ledger.prefix(child).expect("free"), []);
    }

    #[test]
    fn nested_session_without_statements_sends_nothing() {
        let mut ledger = ledger();
        let child = ledger.nest(0).expect("nested");
        ledger.commit(child).expect("committed");
        assert_eq!(ledger.prefix(0).expect("free"), [Begin]);
    }

    #[test]
    fn release_travels_with_the_next_statement_and_not_with_commit() {
        let mut ledger = ledger();
        let child = ledger.nest(0).expect("nested");
        ledger.sent();
        ledger.commit(child).expect("committed");
        assert_eq!(ledger.prefix(0).expect("free"), [Release(child)]);
        assert_eq!(ledger.before_commit().count(), 0);
    }

    #[test]
    fn rollback_of_a_level_swallows_what_was_pending_inside() {
        let mut ledger = ledger();
        let outer = ledger.nest(0).expect("nested");
        let inner = ledger.nest(outer).expect("nested");
        ledger.sent();
        ledger.commit(inner).expect("committed");
        let _ = ledger.roll_back(outer);
        assert_eq!(ledger.prefix(0).expect("free"), [RollBackTo(outer)]);
        assert_eq!(ledger.before_commit().count(), 1);
    }

    #[test]
    fn parent_is_refused_while_a_child_is_open() {
        let mut ledger = ledger();
        ledger.nest(0).expect("nested");
        assert_eq!(kind(ledger.prefix(0)), Some(ErrorKind::Session));
        assert_eq!(kind(ledger.finish()), Some(ErrorKind::Session));
    }

    #[test]
    fn failed_level_cannot_commit_and_leaves_its_parent_usable() {
        let mut ledger = ledger();
        let child = ledger.nest(0).expect("nested");
        ledger.sent();
        ledger.fail(child);
        assert_eq!(kind(ledger.commit(child)), Some(ErrorKind::Aborted));
        let _ = ledger.roll_back(child);
        assert_eq!(ledger.prefix(0).expect("free"), [RollBackTo(child)]);
    }

    #[test]
    fn actions_of_a_rolled_back_level_are_gone() {
        let mut ledger = ledger();
        ledger.act(0, "kept").expect("open");
        let child = ledger.nest(0).expect("nested");
        ledger.act(child, "gone").expect("open");
        assert_eq!(ledger.roll_back(child), ["gone"]);
        let child = ledger.nest(0).expect("nested");
        ledger.act(child, "also kept").expect("open");
        ledger.commit(child).expect("committed");
        assert_eq!(ledger.finish().expect("finished"), ["kept", "also kept"]);
    }

    #[test]
    fn interrupted_prefix_leaves_doubt_and_one_under_way_does_not() {
        let mut ledger = ledger();
        ledger.taken();
        ledger.sending();
        // Another task may open a level meanwhile; it will wait for the connection.
        assert!(ledger.prefix(0).is_ok());
        ledger.taken();
        assert_eq!(kind(ledger.prefix(0)), Some(ErrorKind::ConnectionLost));
    }

    #[test]
    fn child_of_a_dropped_parent_has_ended() {
        let mut ledger = ledger();
        let outer = ledger.nest(0).expect("nested");
        let inner = ledger.nest(outer).expect("nested");
        let _ = ledger.roll_back(outer);
        assert_eq!(kind(ledger.prefix(inner)), Some(ErrorKind::Session));
    }
}
