//! Random units of work, run on a server that knows only SQL's savepoints, end as a model says that
//! keeps whole copies of the rows.

use proptest::collection::vec;
use proptest::prelude::*;

use super::Command::*;
use super::*;

const NAMES: [&str; 2] = ["a", "b"];

/// What a program does with the innermost session.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A statement that adds a row, and an action after commit.
    Work,
    Fail,
    /// A statement that fails, and whose answer is read only when the connection is needed again.
    FailUnseen,
    Nest,
    Limit,
    Commit,
    RollBack,
    Mark(&'static str),
    RollBackTo(&'static str),
    Release(&'static str),
}

fn step() -> impl Strategy<Value = Step> {
    let name = prop::sample::select(&NAMES[..]);
    prop_oneof![
        4 => Just(Step::Work),
        1 => Just(Step::Fail),
        1 => Just(Step::FailUnseen),
        1 => Just(Step::Nest),
        1 => Just(Step::Limit),
        2 => Just(Step::Commit),
        1 => Just(Step::RollBack),
        2 => name.clone().prop_map(Step::Mark),
        2 => name.clone().prop_map(Step::RollBackTo),
        1 => name.prop_map(Step::Release),
    ]
}

/// A transaction of PostgreSQL, as far as savepoints go.
#[derive(Debug, Clone, Default)]
struct Server {
    rows: Vec<u64>,
    /// `lock_timeout`, and where it is kept while it is another.
    limit: Option<u32>,
    kept: Option<u32>,
    is_begun: bool,
    is_aborted: bool,
    savepoints: Vec<(LevelId, Box<Server>)>,
}

impl Server {
    fn run(&mut self, commands: &[Command]) -> Result<(), TestCaseError> {
        for command in commands {
            let found = match command {
                Begin | Savepoint(_) | LimitLocks(..) | UnlimitLocks(_) => None,
                Release(id) | RollBackTo(id) => {
                    let at = self.savepoints.iter().position(|(it, _)| it == id);
                    prop_assert!(at.is_some(), "no savepoint for {command:?}");
                    at
                }
            };
            prop_assert!(!self.is_aborted || matches!(command, RollBackTo(_)));
            prop_assert_eq!(self.is_begun, *command != Begin);
            match (command, found) {
                (Begin, _) => self.is_begun = true,
                (Savepoint(id), _) => self.savepoints.push((*id, Box::new(self.clone()))),
                (LimitLocks(_, limit), _) => self.kept = self.limit.replace(*limit),
                (UnlimitLocks(_), _) => self.limit = self.kept.take(),
                (Release(_), Some(at)) => self.savepoints.truncate(at),
                (RollBackTo(_), Some(at)) => {
                    let (_, kept) = self.savepoints.swap_remove(at);
                    *self = *kept;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// What must be: the innermost session's levels, each with the rows as they were at its beginning.
#[derive(Debug, Clone)]
struct Open {
    session: LevelId,
    name: Option<&'static str>,
    is_limited: bool,
    before: Vec<u64>,
    has_failed: bool,
}

struct Run {
    ledger: Ledger<u64>,
    server: Server,
    rows: Vec<u64>,
    levels: Vec<Open>,
    /// The program does not know yet that a statement failed.
    is_unseen: bool,
}

impl Run {
    fn session(&self) -> LevelId {
        self.levels.last().map_or(0, |level| level.session)
    }

    fn has_failed(&self) -> bool {
        self.levels.iter().any(|level| level.has_failed) && !self.is_unseen
    }

    /// The connection is taken.
    fn take(&mut self) {
        if std::mem::take(&mut self.is_unseen) {
            self.ledger.answered(Some(ErrorKind::Other));
        }
    }

    fn open(&mut self, session: LevelId, name: Option<&'static str>, is_limited: bool) {
        self.levels.push(Open {
            session,
            name,
            is_limited,
            before: self.rows.clone(),
            has_failed: false,
        });
    }

    /// Where the session's last savepoint of that name is.
    fn marked(&self, name: &str) -> Option<usize> {
        let session = self.session();
        self.levels
            .iter()
            .rposition(|level| level.session == session && level.name == Some(name))
    }

    /// Undoes the levels from `at` on.
    fn undo(&mut self, at: usize) {
        if let Some(undone) = self.levels.split_off(at).first() {
            self.rows.clone_from(&undone.before);
        }
    }

    /// Gives the levels from `at` on to the one below.
    fn merge(&mut self, at: usize) {
        let has_failed = self.levels.split_off(at).iter().any(|it| it.has_failed);
        if let Some(below) = self.levels.last_mut() {
            below.has_failed |= has_failed;
        }
    }

    fn step(&mut self, number: u64, step: Step) -> Result<(), TestCaseError> {
        let session = self.session();
        if matches!(step, Step::Work | Step::Fail | Step::FailUnseen) {
            self.take();
        }
        let is_usable = !self.has_failed();
        match step {
            Step::Work | Step::Fail | Step::FailUnseen => {
                let entered = self.ledger.enter(session);
                prop_assert_eq!(entered.is_ok(), is_usable);
                let Ok(commands) = entered else {
                    return Ok(());
                };
                self.server.run(&commands)?;
                self.ledger.sent();
                let limit = self.levels.iter().any(|level| level.is_limited);
                prop_assert_eq!(self.server.limit.is_some(), limit);
                if let Step::Work = step {
                    self.server.rows.push(number);
                    self.rows.push(number);
                    self.ledger.answered(None);
                    prop_assert!(self.ledger.act(session, number).is_ok());
                    return Ok(());
                }
                self.server.is_aborted = true;
                if let Some(level) = self.levels.last_mut() {
                    level.has_failed = true;
                }
                self.is_unseen = true;
                if let Step::Fail = step {
                    self.take();
                }
            }
            Step::Nest | Step::Limit if self.levels.len() < 6 => {
                // One limit at a time, as the query that sets it is one statement.
                let is_limited = matches!(step, Step::Limit)
                    && !self.levels.iter().any(|level| level.is_limited);
                let nested = match is_limited {
                    true => self.ledger.nest_limited(session, 5),
                    false => self.ledger.nest(session),
                };
                prop_assert_eq!(nested.is_ok(), is_usable);
                if let Ok(nested) = nested {
                    self.open(nested, None, is_limited);
                }
            }
            Step::Commit if session != 0 => {
                prop_assert_eq!(self.ledger.commit(session).is_ok(), is_usable);
                if is_usable {
                    let own = |level: &Open| level.session == session;
                    self.merge(self.levels.iter().position(own).unwrap_or_default());
                }
            }
            Step::RollBack if session != 0 => {
                let _ = self.ledger.roll_back(session);
                let own = |level: &Open| level.session == session;
                let at = self.levels.iter().position(own).unwrap_or_default();
                self.undo(at);
            }
            Step::Mark(name) => {
                prop_assert_eq!(self.ledger.mark(session, name).is_ok(), is_usable);
                if is_usable {
                    self.open(session, Some(name), false);
                }
            }
            Step::RollBackTo(name) => {
                let at = self.marked(name);
                let rolled_back = self.ledger.roll_back_to(session, name);
                prop_assert_eq!(rolled_back.is_ok(), at.is_some());
                if let Some(at) = at {
                    self.undo(at);
                    self.open(session, Some(name), false);
                }
            }
            Step::Release(name) => {
                let at = self.marked(name).filter(|_| is_usable);
                prop_assert_eq!(self.ledger.release(session, name).is_ok(), at.is_some());
                if let Some(at) = at {
                    self.merge(at);
                }
            }
            Step::Nest | Step::Limit | Step::Commit | Step::RollBack => {}
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn unit_of_work_ends_as_the_model_says(steps in vec(step(), 1..60)) {
        let mut run = Run {
            ledger: Ledger::new(),
            server: Server::default(),
            rows: Vec::new(),
            levels: Vec::new(),
            is_unseen: false,
        };
        run.open(0, None, false);
        for (number, step) in (0..).zip(steps) {
            run.step(number, step)?;
        }
        while run.session() != 0 {
            run.take();
            let step = if run.has_failed() { Step::RollBack } else { Step::Commit };
            run.step(0, step)?;
        }
        run.take();
        let before: Vec<_> = run.ledger.before_commit().collect();
        let finished = run.ledger.finish();
        prop_assert_eq!(finished.is_ok(), !run.has_failed());
        if let Ok(actions) = finished {
            run.server.run(&before)?;
            prop_assert!(!run.server.is_aborted);
            prop_assert_eq!(&run.server.rows, &run.rows);
            prop_assert_eq!(actions, run.rows);
        }
    }
}
