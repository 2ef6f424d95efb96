//! A unit of work: one transaction, shared by a session and the sessions nested in it.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex as SyncMutex, MutexGuard as SyncGuard, PoisonError};

use sea_orm::{
    ConnAcquireErr, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement, Value,
};
use tokio::sync::{Mutex, MutexGuard};

use super::action::{self, Action};
use super::cluster::Cluster;
use super::follow::{Committed, Committing};
use super::gate::{self, Passed};
use super::handle::SessionOptions;
use super::hold::Hold;
use super::ledger::{Command, Ledger, LevelId};
use super::shield::Shield;
use super::slot::Slot;
use super::tally::Outcome;
use super::wire::{Damage, damage};
use crate::context::{RequestContext, SessionPath, set_local};
use crate::entity::cached::changed;
use crate::entity::tenant_tables;
use crate::error::{Error, ErrorKind, Result};
use crate::ident::mentions_table;

/// The unit; sessions hold it by `Arc`.
pub struct Unit {
    pub(super) cluster: Arc<Cluster>,
    context: RequestContext,
    pub(super) path: Option<SessionPath>,
    pub(super) options: SessionOptions,
    settings: Arc<str>,
    ledger: SyncMutex<Ledger<Action>>,
    /// A prepared statement did not fit.
    pub(super) stale: Arc<AtomicBool>,
    pub(super) slot: Arc<Mutex<Slot>>,
    _hold: Option<Hold>,
}

/// A statement, as far as the unit looks at it.
#[derive(Clone, Copy)]
pub struct Sql<'s> {
    text: &'s str,
    values: Option<&'s [Value]>,
}

impl<'s> Sql<'s> {
    pub fn of(statement: &'s Statement) -> Self {
        Sql {
            text: &statement.sql,
            values: statement.values.as_ref().map(|values| values.0.as_slice()),
        }
    }

    fn unprepared(text: &'s str) -> Self {
        Sql { text, values: None }
    }
}

impl Unit {
    pub fn new(
        cluster: &Arc<Cluster>,
        context: RequestContext,
        path: Option<SessionPath>,
        options: SessionOptions,
        hold: Option<Hold>,
    ) -> Self {
        Unit {
            cluster: Arc::clone(cluster),
            context,
            path,
            options,
            settings: cluster.primary.settings(),
            ledger: SyncMutex::new(Ledger::new()),
            stale: Arc::default(),
            slot: Arc::default(),
            _hold: hold,
        }
    }

    pub fn context(&self) -> &RequestContext {
        &self.context
    }

    pub fn backend(&self) -> DbBackend {
        self.cluster.primary.backend()
    }

    pub fn is_read_only(&self) -> bool {
        self.options.read_only
    }

    /// The state. It is edited in single steps, so that a panic cannot leave it half done.
    pub fn ledger(&self) -> SyncGuard<'_, Ledger<Action>> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub async fn execute(
        &self,
        level: LevelId,
        statement: &Statement,
    ) -> Result<ExecResult, DbErr> {
        loop {
            let mut slot = self.enter(level, Sql::of(statement)).await?;
            let (wire, cut) = slot.running().ok_or(Error::Ended)?;
            let result = cut.or(wire.execute(statement)).await;
            if !self.moves_on(&mut slot, &result) {
                return self.settle(result, DbErr::Exec);
            }
        }
    }

    pub async fn batch(&self, level: LevelId, sql: &str) -> Result<ExecResult, DbErr> {
        loop {
            let mut slot = self.enter(level, Sql::unprepared(sql)).await?;
            let (wire, cut) = slot.running().ok_or(Error::Ended)?;
            let result = cut.or(wire.batch(sql)).await;
            if !self.moves_on(&mut slot, &result) {
                return self.settle(result, DbErr::Exec);
            }
        }
    }

    pub async fn fetch_one(
        &self,
        level: LevelId,
        statement: &Statement,
    ) -> Result<Option<QueryResult>, DbErr> {
        loop {
            let mut slot = self.enter(level, Sql::of(statement)).await?;
            let (wire, cut) = slot.running().ok_or(Error::Ended)?;
            let result = cut.or(wire.fetch_one(statement)).await;
            if !self.moves_on(&mut slot, &result) {
                return self.settle(result, DbErr::Query);
            }
        }
    }

    pub async fn fetch_all(
        &self,
        level: LevelId,
        statement: &Statement,
    ) -> Result<Vec<QueryResult>, DbErr> {
        loop {
            let mut slot = self.enter(level, Sql::of(statement)).await?;
            let (wire, cut) = slot.running().ok_or(Error::Ended)?;
            let result = cut.or(wire.fetch_all(statement)).await;
            if !self.moves_on(&mut slot, &result) {
                return self.settle(result, DbErr::Query);
            }
        }
    }

    /// Makes the connection ready for a statement of `level`, and keeps others off it.
    pub async fn enter(&self, level: LevelId, sql: Sql<'_>) -> Result<MutexGuard<'_, Slot>> {
        let Sql { text: sql, values } = sql;
        let passed = gate::check(sql, self.cluster.primary.afterwards())?;
        if self.context.tenant_id().is_none()
            && self.context.system_reason().is_none()
            && let Some(table) = mentions_table(sql, tenant_tables())
        {
            return Err(Error::MissingTenant {
                entity: table.to_owned(),
            });
        }
        // Whoever waited for an open stream of its own task would wait for ever.
        self.ledger().check_stream()?;
        let mut slot = self.slot.lock().await;
        self.take(&mut slot).await;
        if slot.cut().is_given() {
            return Err(Error::Closed);
        }
        let is_begun = {
            let ledger = self.ledger();
            ledger.check(level)?;
            ledger.is_begun()
        };
        match is_begun {
            true => {
                let refreshed = slot.refresh().await;
                self.settle(refreshed, DbErr::Exec)?;
                self.send_prefix(&mut slot, level, passed).await?;
            }
            false => self.open(&mut slot, level, passed).await?,
        }
        if passed == Passed::Raw {
            slot.taint();
        }
        if !self.is_read_only() {
            // Before it runs: a statement whose answer nobody waits for may have run all the same.
            for changed in changed(sql, values) {
                self.ledger().change(changed);
            }
        }
        Ok(slot)
    }

    /// Comes to terms with what the last holder of the connection left when its future was dropped:
    /// a prefix, or a statement whose answer is still to come and may be an error.
    async fn take(&self, slot: &mut Slot) {
        let is_unanswered = {
            let mut ledger = self.ledger();
            ledger.taken();
            ledger.is_unanswered()
        };
        let Some((wire, cut)) = slot.running().filter(|_| is_unanswered) else {
            return;
        };
        let drained = cut.or(wire.drain()).await;
        let mut ledger = self.ledger();
        match drained {
            Ok(refused) => {
                let refused = refused.map(|error| failure(&query_error(error, DbErr::Exec)));
                ledger.answered(refused);
            }
            Err(_) => ledger.doubt("the connection broke"),
        }
    }

    pub(super) async fn send_prefix(
        &self,
        slot: &mut Slot,
        level: LevelId,
        next: Passed,
    ) -> Result<()> {
        let sql = self.prefix(level, next)?;
        if sql.is_empty() {
            return Ok(());
        }
        let (wire, cut) = slot.running().ok_or(Error::Ended)?;
        let sent = cut.or(wire.batch(&sql)).await;
        let mut ledger = self.ledger();
        match sent {
            Ok(_) => {
                ledger.sent();
                Ok(())
            }
            Err(error) => {
                ledger.taken();
                Err(self.prefix_error(error))
            }
        }
    }

    /// A schema that is missing, or may not be used, is the only thing in a prefix that is told so.
    fn prefix_error(&self, error: sqlx::Error) -> Error {
        if let (Some(path), sqlx::Error::Database(refused)) = (&self.path, &error)
            && let Some("3F000" | "42501") = refused.code().as_deref()
            && let Some(unknown) = path.unknown(refused.message())
        {
            return unknown.into();
        }
        query_error(error, DbErr::Exec).into()
    }

    /// What must be sent before a statement of `level`, which is about to be.
    pub(super) fn prefix(&self, level: LevelId, next: Passed) -> Result<String> {
        let commands = self.ledger().enter(level)?;
        let mut sql = self.sql(&commands);
        // READ ONLY can be taken back until the first query: what is raw may not be one.
        let is_raw = self.is_read_only() && next == Passed::Raw;
        if is_raw && !sql.is_empty() && self.backend() == DbBackend::Postgres {
            sql.push_str("SELECT;");
        }
        Ok(sql)
    }

    /// Notes what the answer to a statement means for its level.
    pub fn settle<T>(
        &self,
        result: Result<T, sqlx::Error>,
        wrap: fn(RuntimeErr) -> DbErr,
    ) -> Result<T, DbErr> {
        let mut ledger = self.ledger();
        let (failure, result) = match result {
            Ok(value) => (None, Ok(value)),
            Err(error) => {
                let damage = damage(&error);
                if damage == Damage::Connection {
                    ledger.doubt("the connection broke");
                }
                let error = query_error(error, wrap);
                let failure = (damage == Damage::Statement).then(|| failure(&error));
                (failure, Err(error))
            }
        };
        ledger.answered(failure);
        result
    }

    /// Commits, and runs the actions after commit. Not stopped by dropping the future.
    pub async fn commit(self: Arc<Self>) -> Result<()> {
        Shield::new(async move { self.commit_unshielded().await }).await
    }

    async fn commit_unshielded(&self) -> Result<()> {
        let streaming = self.ledger().check_stream();
        if let Err(busy) = streaming {
            // The stream of a nested session holds the connection: waiting for it could be for ever.
            self.abandon();
            return Err(busy);
        }
        let mut slot = self.slot.lock().await;
        self.take(&mut slot).await;
        if slot.cut().is_given() {
            self.undo(0);
            slot.release();
            return Err(Error::Closed);
        }
        let finished = {
            let mut ledger = self.ledger();
            let before = ledger.before_commit().collect::<Vec<_>>();
            let begun = ledger.is_begun();
            let changes = ledger.changes();
            ledger
                .finish()
                .map(|actions| (actions, changes, before, begun))
        };
        let (actions, changes, before, begun) = match finished {
            Ok(finished) => finished,
            Err(error) => {
                let never = self.ledger().roll_back(0);
                slot.release();
                drop(never);
                return Err(error);
            }
        };
        let (also, followed) = self.cluster.followers.prepare(Committing {
            context: &self.context,
            changes: &changes,
        });
        if begun && !self.is_read_only() {
            let committed = self.send_commit(&mut slot, &before, &also).await;
            if let Err(error) = committed {
                if matches!(error, Error::CommitUnknown(_)) {
                    action::follow(followed, Committed::Perhaps).await;
                    action::run(actions, Committed::Perhaps).await;
                }
                return Err(error);
            }
        }
        slot.ends(Outcome::Committed);
        // Whoever closes the database waits for the actions too.
        let acting = match actions.is_empty() && followed.is_empty() {
            true => None,
            false => slot.leave(),
        };
        // A read session ends in the background: there is nothing to wait for.
        slot.release();
        drop(slot);
        action::follow(followed, Committed::Surely).await;
        action::run(actions, Committed::Surely).await;
        drop(acting);
        Ok(())
    }

    #[tracing::instrument(
        level = "debug",
        name = "dotmac.session.commit",
        skip_all,
        fields(otel.kind = "client", db.system = ?self.backend())
    )]
    async fn send_commit(&self, slot: &mut Slot, before: &[Command], also: &str) -> Result<()> {
        let mut sql = self.sql(before);
        sql.push_str(also);
        sql.push_str(match self.backend() {
            // COMMIT of an aborted transaction answers without an error, and so does one outside of
            // any. A savepoint fails in both.
            DbBackend::Postgres => "SAVEPOINT dotmac_end;COMMIT",
            _ => "COMMIT",
        });
        let (wire, cut) = slot.running().ok_or(Error::Ended)?;
        let committed = cut.or(wire.batch(&sql)).await.map_err(commit_error);
        let is_unknown = matches!(committed, Err(Error::CommitUnknown(_)));
        if committed.is_ok() || is_unknown {
            // Before anybody can know of it, and whether or not anybody still waits for it.
            self.wrote();
        }
        match committed {
            Ok(_) => slot.clean(),
            Err(_) if is_unknown => {
                slot.ends(Outcome::Unknown);
                slot.release();
            }
            Err(_) => slot.release(),
        }
        committed.map(drop)
    }

    /// Ends a level, and whatever is open inside it, undoing both.
    pub fn undo(&self, level: LevelId) {
        let never = self.ledger().roll_back(level);
        // The ledger is free again: an action may own a session of this unit.
        drop(never);
    }

    /// Ends a nested level well.
    pub fn release(&self, level: LevelId) -> Result<()> {
        let released = self.ledger().commit(level);
        if released.is_err() {
            self.undo(level);
        }
        released
    }

    /// Rolls back, and waits for the answer.
    pub async fn roll_back(&self) -> Result<()> {
        if self.ledger().check_stream().is_err() {
            self.abandon();
            return Ok(());
        }
        self.undo(0);
        let mut slot = self.slot.lock().await;
        self.take(&mut slot).await;
        let rolled_back = slot.roll_back().await;
        rolled_back.map_err(|error| query_error(error, DbErr::Exec).into())
    }

    /// Rolls back in the background.
    pub fn abandon(&self) {
        self.undo(0);
        // Where a statement still holds the connection, the end of the unit releases it.
        if let Ok(mut slot) = self.slot.try_lock() {
            slot.release();
        }
    }

    fn sql(&self, commands: &[Command]) -> String {
        let mut sql = String::new();
        let mut settings = false;
        for command in commands {
            match command {
                Command::Begin => {
                    sql.push_str(&self.begin());
                    if let Some(path) = &self.path {
                        sql.push_str(&path.check());
                    }
                    settings = true;
                }
                Command::Savepoint(id) => sql.push_str(&format!("SAVEPOINT dotmac_{id};")),
                Command::Release(id) => {
                    sql.push_str(&format!("RELEASE dotmac_{id};"));
                    settings = true;
                }
                // SET LOCAL ends with the transaction only: what it replaces is kept beside it.
                Command::LimitLocks(_, milliseconds) => {
                    if self.backend() == DbBackend::Postgres {
                        sql.push_str(&format!(
                            "SELECT set_config('dotmac.lock_timeout',\
                             current_setting('lock_timeout'),true);\
                             SET LOCAL lock_timeout={milliseconds};"
                        ));
                    }
                }
                Command::UnlimitLocks(_) => {
                    if self.backend() == DbBackend::Postgres {
                        sql.push_str(
                            "SELECT set_config('lock_timeout',\
                             current_setting('dotmac.lock_timeout'),true);",
                        );
                    }
                }
                Command::RollBackTo(id) => {
                    sql.push_str(&format!("ROLLBACK TO dotmac_{id};RELEASE dotmac_{id};"));
                }
            }
            // Before any savepoint, so that a rollback to it leaves the context standing.
            if settings && self.backend() == DbBackend::Postgres {
                sql.push_str(&set_local(&self.context));
                match &self.path {
                    Some(path) => sql.push_str(&path.set_local()),
                    // A function can have left another on the connection, where tables are another tenant's.
                    None => sql.push_str("SET LOCAL search_path TO DEFAULT;"),
                }
                settings = false;
            }
        }
        sql
    }

    fn begin(&self) -> String {
        if self.backend() != DbBackend::Postgres {
            return match self.is_read_only() {
                true => "PRAGMA query_only=1;BEGIN;".to_owned(),
                // Taking the write lock at once keeps SQLite from refusing it later.
                false => "BEGIN IMMEDIATE;".to_owned(),
            };
        }
        let mut sql = "BEGIN".to_owned();
        if let Some(level) = self.options.isolation {
            sql.push_str(&format!(" ISOLATION LEVEL {level}"));
        }
        if self.is_read_only() {
            sql.push_str(" READ ONLY");
        }
        sql.push(';');
        sql.push_str(&self.settings);
        sql
    }
}

pub fn acquire_error(error: sqlx::Error) -> DbErr {
    match error {
        sqlx::Error::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        sqlx::Error::PoolClosed => Error::Closed.into(),
        error => DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))),
    }
}

pub fn query_error(error: sqlx::Error, wrap: fn(RuntimeErr) -> DbErr) -> DbErr {
    match error {
        sqlx::Error::PoolClosed => Error::Closed.into(),
        error => wrap(RuntimeErr::SqlxError(Arc::new(error))),
    }
}

fn failure(error: &DbErr) -> ErrorKind {
    Error::from(error.clone()).kind()
}

fn commit_error(error: sqlx::Error) -> Error {
    if damage(&error) == Damage::Connection {
        return Error::CommitUnknown(Arc::new(error));
    }
    let error = Error::from(query_error(error, DbErr::Exec));
    match error.kind() {
        ErrorKind::Aborted => Error::Aborted { cause: None },
        _ => error,
    }
}
