//! Who holds which locks in PostgreSQL, and how they are taken away: asked of the server by a session.

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::key::number_of;
use super::note;
use crate::context::{OwnerName, RequestContext};
use crate::error::{Error, Result};
use crate::lock::backend::Holder;
use crate::session::{Database, Session, SessionOptions};

/// Advisory locks on one number, in this database: PostgreSQL shows the number in two halves.
const HELD: &str = "FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
    AND l.mode = 'ExclusiveLock' \
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// Those who left a note on the connection that holds the lock: not sessions, which lock for a transaction.
pub async fn holders(database: &Database, owner: &OwnerName) -> Result<Vec<Holder>> {
    let sql = format!(
        "SELECT a.query, k.key FROM pg_stat_activity a JOIN LATERAL \
         (SELECT (l.classid::bigint << 32) | l.objid::bigint AS key {HELD} AND l.pid = a.pid) k ON true \
         WHERE starts_with(a.query, $1)"
    );
    let values = [note::BEGINNING.into()];
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
    let found = ask(database, async |session| {
        Ok(session.query_all_raw(statement).await?)
    });
    let mut holders = Vec::new();
    for row in found.await? {
        let (query, key): (String, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        // The note is any text of any program, the lock is not.
        if let Some((of, holder)) = note::read(&query)
            && of == *owner
            && number_of(owner, &holder.name) == key
        {
            holders.push(holder);
        }
    }
    Ok(holders)
}

/// Ends the connections that hold the lock, also where it is held by a session; whether there was one.
///
/// It waits for a second until they have ended.
pub async fn end_holders(database: &Database, key: i64) -> Result<bool> {
    let sql = format!(
        "SELECT pg_terminate_backend(l.pid, 1000) {HELD} \
         AND (l.classid::bigint << 32) | l.objid::bigint = $1"
    );
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [key.into()]);
    let ended = ask(database, async |session| {
        Ok(session.query_all_raw(statement).await?)
    });
    Ok(!ended.await?.is_empty())
}

/// Reads on the primary, where the locks are.
async fn ask<T>(database: &Database, work: impl AsyncFnOnce(&Session) -> Result<T>) -> Result<T> {
    let options = SessionOptions::read_only().on_primary();
    let session = database.begin_with(&RequestContext::without_tenant(), options)?;
    let answer = work(&session).await?;
    session.commit().await?;
    Ok::<_, Error>(answer)
}
