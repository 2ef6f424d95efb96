//! The outbox: invalidations that are committed with what they are for, and kept until they are done.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};
use tokio::task::AbortHandle;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use super::follower::Follower;
use super::invalidation::Invalidation;
use crate::context::RequestContext;
use crate::error::{Error, Result};
use crate::ident::{literal, quote};
use crate::session::{Database, SessionOptions};

/// How often the table is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// What is younger is left to the process that wrote it.
const GRACE: Duration = Duration::from_secs(5);
/// How many are done at a time.
const CHUNK: u64 = 500;

/// What the process knows of the table.
#[derive(Clone, Default)]
pub struct Outbox(Arc<Mutex<Vec<Uuid>>>);

/// The task that empties the table; it ends with this value.
pub struct Drain(AbortHandle);

impl Outbox {
    /// The table, in the schema `public`.
    pub const TABLE: &'static str = "dotmac_cache_outbox";

    pub fn new(db: &Database) -> Result<Self> {
        match db.backend() {
            DbBackend::Postgres => Ok(Outbox::default()),
            other => Err(Error::Unsupported {
                what: "an outbox",
                backend: other.as_str(),
            }),
        }
    }

    /// The table, as SQL.
    pub fn table() -> String {
        format!("{}.{}", quote("public"), quote(Self::TABLE))
    }

    /// The statement that keeps an invalidation, and its id.
    pub fn note(&self, invalidation: &Invalidation) -> (Uuid, String) {
        let id = Uuid::now_v7();
        // It is made of texts: there is nothing in it that could not be written.
        let text = serde_json::to_string(invalidation).unwrap_or_default();
        let (table, key, text) = (Self::table(), literal(&id.to_string()), literal(&text));
        let sql = format!("INSERT INTO {table} (id, invalidation) VALUES ({key},{text});");
        (id, sql)
    }

    /// It is done, and can be taken out.
    pub fn done(&self, id: Uuid) {
        self.ids().push(id);
    }

    fn ids(&self) -> std::sync::MutexGuard<'_, Vec<Uuid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Vec<Uuid> {
        std::mem::take(&mut self.ids())
    }
}

impl Drain {
    /// Does what there is, and starts the task.
    pub async fn start(db: &Database, follower: &Arc<Follower>) -> Result<Self> {
        drain(db, follower, Duration::ZERO).await?;
        let (db, follower) = (db.clone(), Arc::clone(follower));
        let draining = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                match drain(&db, &follower, GRACE).await {
                    Ok(()) => {}
                    Err(Error::Closed) => return,
                    Err(error) => tracing::warn!(%error, "the cache's outbox cannot be read"),
                }
            }
        });
        Ok(Drain(draining.abort_handle()))
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Invalidates what is as old as that, and takes out what is done.
async fn drain(db: &Database, follower: &Follower, age: Duration) -> Result<()> {
    let Some(outbox) = &follower.outbox else {
        return Ok(());
    };
    let mut done = outbox.take();
    let result = drain_into(db, follower, age, &mut done).await;
    if result.is_err() {
        outbox.ids().append(&mut done);
    }
    result
}

async fn drain_into(
    db: &Database,
    follower: &Follower,
    age: Duration,
    done: &mut Vec<Uuid>,
) -> Result<()> {
    // Whatever stays, because it cannot be read or Redis did not take it, does not hold up what is after it.
    let mut after = Uuid::nil();
    loop {
        remove(db, done).await?;
        done.clear();
        let kept = kept(db, age, after).await?;
        let Some((last, _)) = kept.last() else {
            return Ok(());
        };
        after = *last;
        for (id, text) in &kept {
            // A later version of the program may write what this one cannot read, and does it itself.
            let Ok(invalidation) = serde_json::from_str::<Invalidation>(text) else {
                continue;
            };
            let applied = invalidation.apply(&follower.shared, &follower.generations);
            if applied.await.is_ok() {
                done.push(*id);
            }
        }
    }
}

/// The next that are as old, by their ids, which grow with time.
async fn kept(db: &Database, age: Duration, after: Uuid) -> Result<Vec<(Uuid, String)>> {
    let options = SessionOptions::read_only().on_primary();
    let session = db.begin_with(&RequestContext::without_tenant(), options)?;
    let sql = format!(
        "SELECT id, invalidation FROM {} \
         WHERE created_at <= clock_timestamp() - make_interval(secs => $1) AND id > $2 \
         ORDER BY id LIMIT $3",
        Outbox::table(),
    );
    let values: [Value; 3] = [
        age.as_secs_f64().into(),
        after.into(),
        i64::try_from(CHUNK).unwrap_or(1).into(),
    ];
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
    let rows = session.query_all_raw(statement).await?;
    let row = |row: &sea_orm::QueryResult| Ok::<_, Error>((row.try_get_by(0)?, row.try_get_by(1)?));
    let rows = rows.iter().map(row).collect::<Result<Vec<_>>>()?;
    session.commit().await?;
    Ok(rows)
}

async fn remove(db: &Database, ids: &[Uuid]) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let ids: Vec<String> = ids.iter().map(|id| literal(&id.to_string())).collect();
    let sql = format!(
        "DELETE FROM {} WHERE id IN ({})",
        Outbox::table(),
        ids.join(",")
    );
    let context = RequestContext::without_tenant();
    db.write(&context, async |tx| {
        tx.execute_unprepared(&sql).await?;
        Ok(())
    })
    .await
}
