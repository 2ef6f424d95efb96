//! The ledger, step by step.

use std::sync::LazyLock;

use super::Command::*;
use super::*;
use crate::entity::cached::CachedTable;

fn ledger() -> Ledger<&'static str> {
    Ledger::new()
}

/// A statement of `session`, and what had to be sent before it.
fn run(ledger: &mut Ledger<&'static str>, session: LevelId) -> Vec<Command> {
    let commands = ledger.enter(session).expect("free");
    ledger.sent();
    ledger.answered(None);
    commands
}

/// A statement of `session` that fails.
fn fail(ledger: &mut Ledger<&'static str>, session: LevelId) {
    ledger.enter(session).expect("free");
    ledger.sent();
    ledger.answered(Some(ErrorKind::Unique));
}

fn kind<T>(result: Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

#[test]
fn first_statement_of_a_nested_session_sends_begin_and_savepoint_together() {
    let mut ledger = ledger();
    let child = ledger.nest(0).expect("nested");
    assert_eq!(run(&mut ledger, child), [Begin, Savepoint(child)]);
    assert_eq!(run(&mut ledger, child), []);
}

#[test]
fn nested_session_without_statements_sends_nothing() {
    let mut ledger = ledger();
    let child = ledger.nest(0).expect("nested");
    ledger.commit(child).expect("committed");
    assert_eq!(ledger.enter(0).expect("free"), [Begin]);
}

#[test]
fn release_travels_with_the_next_statement_and_not_with_commit() {
    let mut ledger = ledger();
    let child = ledger.nest(0).expect("nested");
    run(&mut ledger, child);
    ledger.commit(child).expect("committed");
    assert_eq!(ledger.before_commit().count(), 0);
    assert_eq!(run(&mut ledger, 0), [Release(child)]);
}

#[test]
fn rollback_of_a_level_swallows_what_was_pending_inside() {
    let mut ledger = ledger();
    let outer = ledger.nest(0).expect("nested");
    let inner = ledger.nest(outer).expect("nested");
    run(&mut ledger, inner);
    ledger.commit(inner).expect("committed");
    let _ = ledger.roll_back(outer);
    assert_eq!(ledger.before_commit().count(), 1);
    assert_eq!(run(&mut ledger, 0), [RollBackTo(outer)]);
}

#[test]
fn parent_is_refused_while_a_child_is_open() {
    let mut ledger = ledger();
    ledger.nest(0).expect("nested");
    assert_eq!(kind(ledger.enter(0)), Some(ErrorKind::Session));
    assert_eq!(kind(ledger.finish()), Some(ErrorKind::Session));
}

#[test]
fn failed_level_cannot_commit_and_leaves_its_parent_usable() {
    let mut ledger = ledger();
    let child = ledger.nest(0).expect("nested");
    fail(&mut ledger, child);
    assert_eq!(kind(ledger.commit(child)), Some(ErrorKind::Aborted));
    let _ = ledger.roll_back(child);
    assert_eq!(ledger.enter(0).expect("free"), [RollBackTo(child)]);
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
fn changes_of_a_rolled_back_level_are_gone() {
    static TABLES: LazyLock<Vec<CachedTable>> =
        LazyLock::new(|| ["a", "b", "c", "d"].map(CachedTable::named).into());
    let change = |ledger: &mut Ledger<_>, at: usize| {
        let table = TABLES.get(at).expect("a table");
        ledger.change(Changed { table, row: None });
    };
    let mut expected = Changes::default();
    let mut ledger = ledger();
    change(&mut ledger, 0);
    let child = ledger.nest(0).expect("nested");
    change(&mut ledger, 1);
    let _ = ledger.roll_back(child);
    let child = ledger.nest(0).expect("nested");
    ledger.mark(child, "s").expect("marked");
    change(&mut ledger, 2);
    let _ = ledger.roll_back_to(child, "s").expect("marked");
    change(&mut ledger, 3);
    ledger.commit(child).expect("committed");
    for at in [0, 3] {
        let table = TABLES.get(at).expect("a table");
        expected.add(Changed { table, row: None });
    }
    assert_eq!(ledger.changes(), expected);
}

#[test]
fn interrupted_prefix_leaves_doubt_and_one_under_way_does_not() {
    let mut ledger = ledger();
    ledger.taken();
    ledger.enter(0).expect("free");
    // Another task may open a level meanwhile; it will wait for the connection.
    ledger.mark(0, "meanwhile").expect("free");
    ledger.taken();
    assert_eq!(kind(ledger.enter(0)), Some(ErrorKind::ConnectionLost));
}

#[test]
fn child_of_a_dropped_parent_has_ended() {
    let mut ledger = ledger();
    let outer = ledger.nest(0).expect("nested");
    let inner = ledger.nest(outer).expect("nested");
    let _ = ledger.roll_back(outer);
    assert_eq!(kind(ledger.enter(inner)), Some(ErrorKind::Session));
}

#[test]
fn savepoint_by_name_travels_with_the_next_statement() {
    let mut ledger = ledger();
    ledger.mark(0, "import").expect("free");
    assert_eq!(ledger.enter(0).expect("free"), [Begin, Savepoint(1)]);
    ledger.sent();
    ledger.release(0, "import").expect("marked");
    assert_eq!(ledger.enter(0).expect("free"), [Release(1)]);
    assert_eq!(
        kind(ledger.release(0, "import")),
        Some(ErrorKind::Session),
        "it was given up"
    );
}

#[test]
fn roll_back_to_makes_a_failed_session_usable_and_keeps_the_savepoint() {
    let mut ledger = ledger();
    ledger.mark(0, "import").expect("free");
    for id in [1, 2] {
        fail(&mut ledger, 0);
        assert_eq!(kind(ledger.enter(0)), Some(ErrorKind::Aborted));
        assert_eq!(kind(ledger.release(0, "import")), Some(ErrorKind::Aborted));
        let _ = ledger.roll_back_to(0, "import").expect("marked");
        assert_eq!(run(&mut ledger, 0), [RollBackTo(id), Savepoint(id + 1)]);
    }
}

#[test]
fn failure_before_a_savepoint_is_not_cleared_by_it() {
    let mut ledger = ledger();
    ledger.enter(0).expect("free");
    ledger.sent();
    // Cancelled: the program does not know yet.
    ledger.mark(0, "late").expect("free");
    ledger.answered(Some(ErrorKind::Unique));
    let _ = ledger.roll_back_to(0, "late").expect("marked");
    assert_eq!(kind(ledger.enter(0)), Some(ErrorKind::Aborted));
}

#[test]
fn same_name_again_hides_the_earlier_savepoint() {
    let mut ledger = ledger();
    ledger.mark(0, "a").expect("free");
    ledger.mark(0, "a").expect("free");
    run(&mut ledger, 0);
    ledger.release(0, "a").expect("the later one");
    let _ = ledger.roll_back_to(0, "a").expect("the earlier one");
    assert_eq!(
        ledger.enter(0).expect("free"),
        [RollBackTo(1), Savepoint(3)]
    );
}

#[test]
fn savepoint_belongs_to_its_session() {
    let mut ledger = ledger();
    ledger.mark(0, "outer").expect("free");
    let child = ledger.nest(0).expect("nested");
    assert_eq!(
        kind(ledger.roll_back_to(child, "outer")),
        Some(ErrorKind::Session)
    );
    assert_eq!(
        kind(ledger.roll_back_to(0, "outer")),
        Some(ErrorKind::Session),
        "the parent is busy"
    );
    ledger.mark(child, "inner").expect("free");
    run(&mut ledger, child);
    ledger.commit(child).expect("ends its savepoints too");
    assert_eq!(ledger.enter(0).expect("free"), [Release(child)]);
}

#[test]
fn failure_that_nobody_saw_outlives_the_release_of_its_savepoint() {
    let mut ledger = ledger();
    ledger.mark(0, "a").expect("free");
    ledger.enter(0).expect("free");
    ledger.sent();
    ledger
        .release(0, "a")
        .expect("nothing is known to have failed");
    ledger.answered(Some(ErrorKind::Serialization));
    let error = ledger.finish().expect_err("aborted");
    assert!(error.is_retryable());
}

#[test]
fn level_opened_while_another_is_sent_is_not_taken_for_sent() {
    let mut ledger = ledger();
    assert_eq!(ledger.enter(0).expect("free"), [Begin]);
    let child = ledger.nest(0).expect("nested by another task");
    ledger.sent();
    ledger.answered(None);
    assert_eq!(ledger.enter(child).expect("free"), [Savepoint(child)]);
}

#[test]
fn limit_on_locks_ends_with_its_level() {
    let mut ledger = ledger();
    let limited = ledger.nest_limited(0, 5).expect("nested");
    let commands = [Begin, Savepoint(limited), LimitLocks(limited, 5)];
    assert_eq!(run(&mut ledger, limited), commands);
    ledger.commit(limited).expect("committed");
    let commands = [Release(limited), UnlimitLocks(limited)];
    assert_eq!(ledger.enter(0).expect("free"), commands);
}

#[test]
fn restarted_unit_sends_begin_and_savepoints_again() {
    let mut ledger = ledger();
    let child = ledger.nest(0).expect("nested");
    let commands = ledger.enter(child).expect("free");
    ledger.sent();
    ledger.restart();
    ledger.taken();
    assert!(!ledger.is_unanswered() && !ledger.is_begun());
    assert_eq!(ledger.enter(child).expect("free"), commands);
}

#[test]
fn limit_of_a_lock_does_not_reach_commit() {
    let mut ledger = ledger();
    let child = ledger.nest_limited(0, 5).expect("nested");
    run(&mut ledger, child);
    ledger.commit(child).expect("committed");
    let before: Vec<_> = ledger.before_commit().collect();
    assert_eq!(before, [UnlimitLocks(child)]);
}
