//! Advisory locks on the caller's session, for as long as its transaction lasts.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value};

use super::key::{Number, PgLockKey};
use crate::error::{Error, LockError, Result};
use crate::session::Session;

/// Advisory locks for the transaction: they cost one statement and no further connection, and are right behind
/// PgBouncer.
///
/// They are taken on the [`PgLockKey`] of a name (the tenant's), a number or two. A session may take one
/// again that it has. On SQLite nothing is locked: a session that writes has the database for itself.
///
/// # Guarantees
/// A lock is held until the unit of work has ended, however it ends, and no longer. One that is taken in a nested
/// session, or after a savepoint, goes already when that is rolled back.
impl Session {
    /// Takes an advisory lock, and waits for it as long as the database lets a statement run.
    ///
    /// # Errors
    /// [`Error::Deadlock`] where two sessions wait for each other, which is worth another run of the unit of
    /// work ([`Database::retrying`](crate::Database::retrying)); [`Error::LockTimeout`] or
    /// [`Error::StatementTimeout`] where the database waits no longer, which abort the unit of work: see
    /// [`advisory_lock_within`](Self::advisory_lock_within).
    ///
    /// [`Error::ReadOnly`] in a read session, which may run on a replica, where a lock keeps nobody out (one
    /// with [`SessionOptions::on_primary`](crate::SessionOptions::on_primary) may take it);
    /// [`LockError::OnStandby`] where the primary is none; [`Error::MissingTenant`] for a name without a tenant.
    ///
    /// # Cancel safety
    /// As any statement of a session: the lock may or may not be taken, and goes with the unit of work.
    #[doc(alias = "PgAdvisoryLock")]
    pub async fn advisory_lock(&self, key: impl Into<PgLockKey>) -> Result<()> {
        wait(self, &key.into(), Mode::Exclusive).await
    }

    /// Takes an advisory lock together with others who share it; [`advisory_lock`](Self::advisory_lock) keeps
    /// them out.
    ///
    /// # Errors
    /// As [`advisory_lock`](Self::advisory_lock).
    ///
    /// # Cancel safety
    /// As [`advisory_lock`](Self::advisory_lock).
    pub async fn advisory_lock_shared(&self, key: impl Into<PgLockKey>) -> Result<()> {
        wait(self, &key.into(), Mode::Shared).await
    }

    /// Takes an advisory lock, and waits for it at most for `limit`: rounded up to whole milliseconds, at least
    /// one.
    ///
    /// A wait in vain leaves the session usable. A savepoint sees to that, which costs no round trip where it
    /// opens the transaction, and one otherwise.
    ///
    /// # Errors
    /// [`LockError::TimedOut`], and those of [`advisory_lock`](Self::advisory_lock).
    ///
    /// # Cancel safety
    /// As [`advisory_lock`](Self::advisory_lock). The server goes on waiting until its limit, and the next
    /// statement of the session waits for that.
    pub async fn advisory_lock_within(
        &self,
        key: impl Into<PgLockKey>,
        limit: Duration,
    ) -> Result<()> {
        within(self, &key.into(), Mode::Exclusive, limit).await
    }

    /// As [`advisory_lock_within`](Self::advisory_lock_within), together with others who share it.
    ///
    /// # Errors
    /// As [`advisory_lock_within`](Self::advisory_lock_within).
    ///
    /// # Cancel safety
    /// As [`advisory_lock_within`](Self::advisory_lock_within).
    pub async fn advisory_lock_shared_within(
        &self,
        key: impl Into<PgLockKey>,
        limit: Duration,
    ) -> Result<()> {
        within(self, &key.into(), Mode::Shared, limit).await
    }

    /// Takes an advisory lock if it is free, and says whether it was.
    ///
    /// # Errors
    /// As [`advisory_lock`](Self::advisory_lock), but it never waits.
    ///
    /// # Cancel safety
    /// As [`advisory_lock`](Self::advisory_lock).
    pub async fn try_advisory_lock(&self, key: impl Into<PgLockKey>) -> Result<bool> {
        attempt(self, &key.into(), Mode::Exclusive).await
    }

    /// As [`try_advisory_lock`](Self::try_advisory_lock), together with others who share it.
    ///
    /// # Errors
    /// As [`try_advisory_lock`](Self::try_advisory_lock).
    ///
    /// # Cancel safety
    /// As [`advisory_lock`](Self::advisory_lock).
    pub async fn try_advisory_lock_shared(&self, key: impl Into<PgLockKey>) -> Result<bool> {
        attempt(self, &key.into(), Mode::Shared).await
    }
}

/// Who else may have the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Exclusive,
    Shared,
}

async fn wait(session: &Session, key: &PgLockKey, mode: Mode) -> Result<()> {
    let function = match mode {
        Mode::Exclusive => "pg_advisory_xact_lock",
        Mode::Shared => "pg_advisory_xact_lock_shared",
    };
    ask(session, key, function).await.map(drop)
}

async fn within(session: &Session, key: &PgLockKey, mode: Mode, limit: Duration) -> Result<()> {
    // Refused before a savepoint is opened.
    check(session)?;
    let nested = session.nested_limited(limit)?;
    match wait(&nested, key, mode).await {
        Err(Error::LockTimeout(_)) => Err(LockError::TimedOut {
            name: key.to_string(),
            waited: limit,
        }
        .into()),
        Err(error) => Err(error),
        Ok(()) => nested.commit().await,
    }
}

async fn attempt(session: &Session, key: &PgLockKey, mode: Mode) -> Result<bool> {
    let function = match mode {
        Mode::Exclusive => "pg_try_advisory_xact_lock",
        Mode::Shared => "pg_try_advisory_xact_lock_shared",
    };
    let answer = ask(session, key, function).await?;
    match session.backend() {
        DbBackend::Postgres => Ok(answer.try_get_by_index(0)?),
        _ => Ok(true),
    }
}

async fn ask(session: &Session, key: &PgLockKey, function: &str) -> Result<QueryResult> {
    check(session)?;
    let number = key.number_for(session.context())?;
    let statement = match session.backend() {
        DbBackend::Postgres => statement(function, number),
        // Opens the transaction, which has the database for itself.
        backend => Statement::from_string(backend, "SELECT 1"),
    };
    let answer = session.query_one_raw(statement).await?;
    answer.ok_or_else(|| LockError::OnStandby.into())
}

/// Refuses a session whose lock may be taken on a replica.
fn check(session: &Session) -> Result<()> {
    match session.may_run_on_replica() {
        true => Err(Error::ReadOnly {
            what: "an advisory lock",
        }),
        false => Ok(()),
    }
}

/// Takes the lock and answers a row, or neither on a standby, where the lock would be another one.
fn statement(function: &str, number: Number) -> Statement {
    let (arguments, values) = match number {
        Number::One(number) => ("$1", vec![Value::from(number)]),
        Number::Two(first, second) => ("$1, $2", vec![first.into(), second.into()]),
    };
    let sql = format!("SELECT {function}({arguments}) WHERE NOT pg_is_in_recovery()");
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}
