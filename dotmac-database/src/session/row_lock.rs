//! Locks on rows, with a limit to the waiting.

use std::time::Duration;

use sea_orm::sea_query::{Alias, LockBehavior, LockType};
use sea_orm::{EntityTrait, QueryTrait, Select};

use super::handle::Session;
use crate::error::{Error, Result};

/// What to do where another transaction holds a lock on a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LockWait {
    /// Wait as long as the database lets a statement run.
    Unlimited,
    /// Fail at once (NOWAIT).
    Nowait,
    /// Leave the row out (SKIP LOCKED): for queues, where any free row will do.
    SkipLocked,
    /// Fail after this time: rounded up to whole milliseconds, at least one. It counts for each lock
    /// that the query waits for.
    Timeout(Duration),
}

/// Locks the rows that a `find()` returns, until the unit of work ends.
///
/// ```
/// # use dotmac_database::prelude::*;
/// # use dotmac_database::LockWait;
/// # use std::time::Duration;
/// # mod order {
/// #     use dotmac_database::prelude::*;
/// #     #[dotmac_database::model]
/// #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel)]
/// #     #[sea_orm(table_name = "orders")]
/// #     pub struct Model { pub total_cents: i64 }
/// # }
/// # async fn pay(db: &Database, context: &RequestContext, id: Uuid) -> Result<(), Error> {
/// db.write(context, async |tx| {
///     let order = order::Entity::find_by_id(id)
///         .for_update(LockWait::Timeout(Duration::from_secs(2)))
///         .one(tx)
///         .await?;
/// #   Ok::<_, Error>(())
/// })
/// .await
/// # }
/// ```
///
/// Only rows of the entity itself are locked, not those of joined tables; and only rows that the
/// session may see, so that no tenant waits for another. On SQLite nothing is locked: a session that
/// writes has the database for itself.
pub trait LockRows {
    /// The entity whose rows are locked.
    type Entity: EntityTrait;

    /// Locks against every change, and against every other lock (FOR UPDATE).
    fn for_update(self, wait: LockWait) -> LockedSelect<Self::Entity>;

    /// Locks against changes, and lets others refer to the row by a foreign key
    /// (FOR NO KEY UPDATE): enough where the key does not change.
    fn for_no_key_update(self, wait: LockWait) -> LockedSelect<Self::Entity>;

    /// Keeps the row as it is, and lets others do the same (FOR SHARE).
    fn for_share(self, wait: LockWait) -> LockedSelect<Self::Entity>;
}

impl<E: EntityTrait> LockRows for Select<E> {
    type Entity = E;

    fn for_update(self, wait: LockWait) -> LockedSelect<E> {
        LockedSelect::new(self, LockType::Update, wait)
    }

    fn for_no_key_update(self, wait: LockWait) -> LockedSelect<E> {
        LockedSelect::new(self, LockType::NoKeyUpdate, wait)
    }

    fn for_share(self, wait: LockWait) -> LockedSelect<E> {
        LockedSelect::new(self, LockType::Share, wait)
    }
}

/// A query that locks the rows it returns; it runs in a session that writes.
///
/// # Errors
/// [`Error::ReadOnly`] in a read session, before anything is sent. Where a row is locked by another,
/// [`LockWait::Nowait`] and [`LockWait::Timeout`] give
/// [`ErrorKind::LockTimeout`](crate::ErrorKind::LockTimeout), and the session is usable afterwards:
/// the query runs inside a savepoint, which costs no round trip where it opens the transaction, and one
/// otherwise.
///
/// # Cancel safety
/// As any statement of a session. The server goes on waiting for the lock until its limit, and the next
/// statement of the session waits for that.
#[must_use = "a query runs with `one` or `all`"]
#[derive(Debug, Clone)]
pub struct LockedSelect<E: EntityTrait> {
    select: Select<E>,
    wait: LockWait,
}

impl<E: EntityTrait> LockedSelect<E> {
    fn new(mut select: Select<E>, strength: LockType, wait: LockWait) -> Self {
        // By its plain name, as OF wants it.
        let table = Alias::new(E::default().table_name());
        let query = select.query();
        match wait.behavior() {
            Some(behavior) => query.lock_with_tables_behavior(strength, [table], behavior),
            None => query.lock_with_tables(strength, [table]),
        };
        LockedSelect { select, wait }
    }

    /// The first row, locked.
    ///
    /// # Errors
    /// Those of the [type](Self).
    pub async fn one(self, session: &Session) -> Result<Option<E::Model>> {
        let select = self.select;
        limited(self.wait, session, async |it| Ok(select.one(it).await?)).await
    }

    /// All rows, locked.
    ///
    /// # Errors
    /// Those of the [type](Self).
    pub async fn all(self, session: &Session) -> Result<Vec<E::Model>> {
        let select = self.select;
        limited(self.wait, session, async |it| Ok(select.all(it).await?)).await
    }
}

/// Runs the query so that the session outlives a lock that was not got.
async fn limited<T>(
    wait: LockWait,
    session: &Session,
    query: impl AsyncFnOnce(&Session) -> Result<T>,
) -> Result<T> {
    if session.is_read_only() {
        return Err(Error::ReadOnly {
            what: "a lock on rows",
        });
    }
    let nested = match wait {
        LockWait::Unlimited | LockWait::SkipLocked => return query(session).await,
        LockWait::Nowait => session.nested()?,
        LockWait::Timeout(limit) => session.nested_limited(limit)?,
    };
    let found = query(&nested).await?;
    nested.commit().await?;
    Ok(found)
}

impl LockWait {
    fn behavior(self) -> Option<LockBehavior> {
        match self {
            LockWait::Nowait => Some(LockBehavior::Nowait),
            LockWait::SkipLocked => Some(LockBehavior::SkipLocked),
            LockWait::Unlimited | LockWait::Timeout(_) => None,
        }
    }
}

/// As `lock_timeout` takes it: a signed number of 32 bits, in which zero means no limit.
pub(super) fn milliseconds(limit: Duration) -> u32 {
    let limit = limit.as_nanos().div_ceil(1_000_000);
    let longest = i32::MAX.unsigned_abs();
    u32::try_from(limit).unwrap_or(longest).clamp(1, longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_is_never_rounded_to_none() {
        assert_eq!(milliseconds(Duration::ZERO), 1);
        assert_eq!(milliseconds(Duration::from_nanos(1)), 1);
        assert_eq!(milliseconds(Duration::from_micros(1_500)), 2);
        assert_eq!(milliseconds(Duration::from_millis(250)), 250);
        assert_eq!(milliseconds(Duration::MAX), i32::MAX as u32);
    }
}
