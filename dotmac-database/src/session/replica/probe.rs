//! The task that asks the primary how far it has written, and each replica how far it has replayed.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use sqlx::{PgConnection, Row};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::clock::{Clock, Micros};
use super::line::Line;
use super::node::Replica;
use super::progress::{Lsn, Progress};
use super::standing::Standing;
use crate::config::{DatabaseConfig, StartCheck, Tenancy};
use crate::error::{Error, ErrorKind, Result};

/// What tells one database of one cluster from all others.
const IDENTITY: &str = "(SELECT system_identifier FROM pg_control_system())::text || '/' || current_database() AS identity";

/// When the server was started: a crashed one may show an older state than before.
const INCARNATION: &str =
    "(extract(epoch FROM pg_postmaster_start_time()) * 1000000)::int8 AS incarnation";

/// The running task, which ends with the value.
pub struct Probe {
    task: AbortHandle,
    ended: watch::Receiver<()>,
}

impl Probe {
    pub fn stop(&self) {
        self.task.abort();
    }

    /// Waits until its connections are closed.
    pub async fn ended(&self) {
        // Nothing is ever sent: the sender is gone with the task.
        let _ = self.ended.clone().changed().await;
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What the task remembers from one round to the next.
pub struct Prober {
    primary: Line,
    lines: Vec<(Arc<Replica>, Line)>,
    judge: Judge,
}

impl Prober {
    /// Connects to nothing yet.
    pub fn new(nodes: &[Arc<Replica>], clock: Clock, config: &DatabaseConfig) -> Result<Self> {
        let replicas = nodes.iter().zip(config.replicas.urls());
        let line = |(replica, url)| Ok((Arc::clone(replica), Line::new(config, url)?));
        Ok(Prober {
            primary: Line::new(config, config.url())?,
            lines: replicas.map(line).collect::<Result<_>>()?,
            judge: Judge {
                clock,
                start_check: config.start_check,
                tenancy: config.tenancy.clone(),
                identity: None,
                progress: Progress::default(),
            },
        })
    }

    /// The first round, whose start checks must hold, and then one in each interval.
    pub async fn start(mut self, interval: Duration) -> Result<Probe> {
        for outcome in self.round().await {
            outcome?;
        }
        let replicas = self.lines.iter().map(|(replica, _)| replica);
        for replica in replicas.filter(|it| !it.standing.is_serving()) {
            tracing::warn!(replica = replica.name(), "replica does not serve yet");
        }
        let (alive, ended) = watch::channel(());
        let task = tokio::spawn(async move {
            // Dropped after the prober.
            let _alive = alive;
            let mut prober = self;
            loop {
                tokio::time::sleep(interval).await;
                prober.round().await;
            }
        });
        Ok(Probe {
            task: task.abort_handle(),
            ended,
        })
    }

    /// Asks all at once. An error is that of a start check.
    async fn round(&mut self) -> Vec<Result<()>> {
        self.judge.sample(&mut self.primary).await;
        let judge = &self.judge;
        let visits = self.lines.iter_mut();
        join_all(visits.map(|(replica, line)| judge.visit(replica, line))).await
    }
}

/// What tells whether a replica may be read.
struct Judge {
    clock: Clock,
    start_check: StartCheck,
    tenancy: Tenancy,
    identity: Option<String>,
    progress: Progress,
}

impl Judge {
    async fn sample(&mut self, primary: &mut Line) {
        let at = self.clock.now();
        match written(primary).await {
            Ok(primary) => self.sampled(at, primary),
            Err(error) => tracing::debug!(%error, "primary does not tell how far it has written"),
        }
    }

    fn sampled(&mut self, at: Micros, primary: Primary) {
        if self.identity.as_ref() != Some(&primary.identity) {
            self.progress.clear();
            self.identity = Some(primary.identity);
        }
        self.progress.sample(at, primary.written);
    }

    async fn visit(&self, replica: &Replica, line: &mut Line) -> Result<()> {
        let answer = match replayed(line).await {
            Ok(answer) => answer,
            Err(error) => {
                replica.lose(&error);
                return Ok(());
            }
        };
        if !answer.standby {
            if replica.standing.promoted() {
                tracing::error!(
                    replica = replica.name(),
                    "replica was promoted: it is not read"
                );
            }
            return Ok(());
        }
        // As long as the primary never answered, nothing tells whether it is a replica of it.
        let Some(identity) = &self.identity else {
            return Ok(());
        };
        if *identity != answer.identity {
            if replica.standing.refuse() {
                tracing::error!(
                    replica = replica.name(),
                    "another database than the primary's: it is not read"
                );
            }
            return Ok(());
        }
        self.admit(replica, line, answer).await
    }

    async fn admit(&self, replica: &Replica, line: &mut Line, answer: Standby) -> Result<()> {
        let standing = &replica.standing;
        let is_known = standing.is_serving() && standing.is_checked(answer.incarnation);
        if !is_known {
            if self.start_check == StartCheck::Enforced
                && let Err(error) = line.check(&self.tenancy).await
            {
                if is_loss(&error) {
                    replica.lose(&error);
                    return Ok(());
                }
                if standing.refuse() {
                    tracing::error!(replica = replica.name(), %error, "replica refused: it is not read");
                }
                return Err(error);
            }
            // What was open to the server that was lost is broken, or was never checked.
            replica.pool.forget_idle();
            standing.checked(answer.incarnation);
            tracing::info!(replica = replica.name(), "replica serves");
        }
        let reached = answer.replayed.and_then(|lsn| self.progress.reached(lsn));
        // Samples are forgotten after a while; what it had reached before, it still shows.
        let before = if is_known { standing.caught_up_to() } else { 0 };
        standing.serve(reached.unwrap_or(before));
        Ok(())
    }
}

/// Whether the check was not answered, rather than refused.
fn is_loss(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionLost | ErrorKind::PoolTimeout | ErrorKind::StatementTimeout
    )
}

/// Refuses a new connection of a replica's pool to a server that was not checked, or is none.
pub async fn admit(connection: &mut PgConnection, standing: &Standing) -> Result<(), sqlx::Error> {
    let sql = format!("SELECT pg_is_in_recovery() AS standby, {INCARNATION}");
    let row = sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
        .fetch_one(connection)
        .await?;
    if row.try_get("standby")? && standing.is_checked(row.try_get("incarnation")?) {
        return Ok(());
    }
    standing.lose();
    Err(sqlx::Error::Configuration(
        "the server is not the replica that was checked".into(),
    ))
}

struct Primary {
    identity: String,
    written: Lsn,
}

struct Standby {
    identity: String,
    standby: bool,
    incarnation: i64,
    replayed: Option<Lsn>,
}

// Where nothing was inserted since the end of a page, PostgreSQL tells the position behind the next
// page's header (24 bytes, 40 in a segment's first), which no replica replays before there is more.
async fn written(primary: &mut Line) -> Result<Primary, sqlx::Error> {
    let sql = format!(
        "SELECT {IDENTITY}, lsn - CASE WHEN lsn % segment = 40 THEN 40 \
           WHEN lsn % block = 24 THEN 24 ELSE 0 END AS written \
         FROM (SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::int8 AS lsn, \
           pg_size_bytes(current_setting('wal_segment_size')) AS segment, \
           current_setting('wal_block_size')::int8 AS block) AS position"
    );
    let row = primary.ask(&sql).await?;
    Ok(Primary {
        identity: row.try_get("identity")?,
        written: row.try_get("written")?,
    })
}

async fn replayed(replica: &mut Line) -> Result<Standby, sqlx::Error> {
    let sql = format!(
        "SELECT {IDENTITY}, pg_is_in_recovery() AS standby, {INCARNATION}, \
         pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::int8 AS replayed"
    );
    let row = replica.ask(&sql).await?;
    Ok(Standby {
        identity: row.try_get("identity")?,
        standby: row.try_get("standby")?,
        incarnation: row.try_get("incarnation")?,
        replayed: row.try_get("replayed")?,
    })
}
