//! The connections of locks: one for each lock that is held or waited for, and a cap on them.

use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Connection, Postgres, Row};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::note;
use crate::error::Result;
use crate::lock::backend::Bid;
use crate::lock::fence::Fence;
use crate::session::Database;

/// How long a server may take to let a connection in, or to answer what does not wait.
pub const ANSWER: Duration = Duration::from_secs(1);

/// The connections, outside of the sessions' pool.
pub struct Connections {
    pool: PgPool,
    /// The pool cannot tell a server that does not answer from a cap that is reached.
    places: Arc<Semaphore>,
    pub most: u32,
}

/// A connection, which is closed unless it is given back: a lock that may still be on it is gone then.
pub struct LockConnection {
    connection: Option<PoolConnection<Postgres>>,
    _place: OwnedSemaphorePermit,
}

/// What the server said to the wish for a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Held(Fence),
    /// Another has it.
    Busy,
    /// The server follows another one: its locks keep nobody out.
    Standby,
}

impl Connections {
    pub fn open(database: &Database, most: u32) -> Result<Self> {
        let most = most.max(1);
        let places = usize::try_from(most).unwrap_or(Semaphore::MAX_PERMITS);
        Ok(Connections {
            pool: database.lock_pool(most, ANSWER)?,
            places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            most,
        })
    }

    /// A connection; `None` where all were in use until then.
    ///
    /// # Errors
    /// The server's, or that it does not answer.
    pub async fn take(&self, until: Instant) -> Result<Option<LockConnection>, sqlx::Error> {
        // One that is free is taken even where the time is over.
        let place = timeout_at(until, Arc::clone(&self.places).acquire_owned()).await;
        let Ok(Ok(place)) = place else {
            return Ok(None);
        };
        Ok(Some(LockConnection {
            connection: Some(self.pool.acquire().await?),
            _place: place,
        }))
    }
}

impl LockConnection {
    /// Asks for a lock, and waits for it at most so long.
    pub async fn ask(
        &mut self,
        key: i64,
        bid: &Bid,
        wait: Duration,
    ) -> Result<Answer, sqlx::Error> {
        let sql = acquisition(key, bid, wait);
        let answer = self.answer(&sql, wait + ANSWER).await?;
        match answer.as_str() {
            "" => Ok(Answer::Busy),
            "standby" => Ok(Answer::Standby),
            number => match number.parse() {
                Ok(number) => Ok(Answer::Held(Fence::from_number(number))),
                Err(error) => Err(sqlx::Error::Decode(Box::new(error))),
            },
        }
    }

    /// Gives up the lock: whether it was held.
    pub async fn unlock(&mut self, key: i64) -> Result<bool, sqlx::Error> {
        let sql = format!("SELECT pg_advisory_unlock({key})::text");
        Ok(self.answer(&sql, ANSWER).await? == "true")
    }

    /// Asks for an answer; `None` where none came in time.
    pub async fn ping(&mut self, limit: Duration) -> Option<Result<(), sqlx::Error>> {
        let Some(connection) = &mut self.connection else {
            return Some(Err(sqlx::Error::PoolClosed));
        };
        timeout(limit, connection.ping()).await.ok()
    }

    /// Leaves the connection to others: no lock is on it.
    pub fn give_back(mut self) {
        drop(self.connection.take());
    }

    /// The one text that statements without arguments answer, in one round trip.
    async fn answer(&mut self, sql: &str, limit: Duration) -> Result<String, sqlx::Error> {
        let Some(connection) = &mut self.connection else {
            return Err(sqlx::Error::PoolClosed);
        };
        let sql = sqlx::raw_sql(AssertSqlSafe(sql));
        let rows = timeout(limit, sql.fetch_all(&mut **connection)).await;
        let rows = rows.map_err(|_| sqlx::Error::PoolTimedOut)??;
        rows.last().ok_or(sqlx::Error::RowNotFound)?.try_get(0)
    }
}

impl Drop for LockConnection {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            // Without a word to the server, and without a runtime.
            drop(connection.detach());
        }
    }
}

/// Takes the lock, and its number while it is held.
///
/// The block waits in the server, in line with all others, and is silent where it waits in vain: an error
/// that it does not catch would stand in the server's log, once for each second of each waiter.
///
/// The number counts the transactions of the server, each of which has a greater one than all before, onto the
/// time at which the server's files were made, in microseconds. So it goes on growing where the data move to a
/// new server, whose transactions are counted from the beginning.
fn acquisition(key: i64, bid: &Bid, wait: Duration) -> String {
    let note = note::write(bid);
    let wait = wait.as_millis().max(1);
    format!(
        "{note}DO $dotmac$ BEGIN \
         IF pg_is_in_recovery() THEN \
           PERFORM set_config('dotmac.lock', 'standby', false); RETURN; \
         END IF; \
         PERFORM set_config('lock_timeout', '{wait}', false); \
         PERFORM pg_advisory_lock({key}); \
         PERFORM set_config('dotmac.lock', ((((system_identifier >> 32) & 4294967295) * 1000000) \
           + pg_current_xact_id()::text::bigint)::text, false) FROM pg_control_system(); \
         EXCEPTION WHEN lock_not_available THEN \
           PERFORM set_config('dotmac.lock', '', false); \
         END $dotmac$; \
         SELECT current_setting('dotmac.lock')"
    )
}
