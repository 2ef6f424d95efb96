//! The probe's own connection to a server, whose login may take longer than a round.

use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};

use crate::config::{DatabaseConfig, Tenancy};
use crate::error::Result;
use crate::session::unit::acquire_error;
use crate::session::wire::{Damage, damage};
use crate::session::{options, start_check};

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a login may take, over several rounds: PostgreSQL's own limit (`authentication_timeout`).
const LOGIN: Duration = Duration::from_secs(60);

/// How long a start check may take, which is several questions.
const CHECK: Duration = Duration::from_secs(10);

/// One connection beside the pool, so that a pool in full use does not look like a lost server.
///
/// A login is many small steps, each of which waits for its turn where the processors are in full use. So it
/// is not begun anew with each round: what one round has not finished, the next one takes up.
pub struct Line {
    options: PgConnectOptions,
    recycle: Option<Duration>,
    login: Option<Login>,
    open: Option<Open>,
}

type Login = BoxFuture<'static, Result<PgConnection, sqlx::Error>>;

struct Open {
    connection: PgConnection,
    since: Instant,
}

impl Line {
    /// Connects with the first question.
    pub fn new(config: &DatabaseConfig, url: &str) -> Result<Self> {
        Ok(Line {
            options: options::postgres(config, url)?,
            recycle: config.pool_recycle,
            login: None,
            open: None,
        })
    }

    /// The row that answers a question.
    pub async fn ask(&mut self, sql: &str) -> Result<PgRow, sqlx::Error> {
        let mut open = self.open().await?;
        // In one message, as PgBouncer needs it.
        let question = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_one(&mut open.connection);
        let answer = in_time(PATIENCE, question).await?;
        let error = answer.as_ref().err();
        if error.is_none_or(|error| damage(error) != Damage::Connection) {
            self.open = Some(open);
        }
        answer
    }

    /// Runs the start check.
    pub async fn check(&mut self, tenancy: &Tenancy) -> Result<()> {
        let mut open = self.open().await.map_err(acquire_error)?;
        let check = start_check::run_on(&mut open.connection, tenancy);
        let checked = in_time(CHECK, check).await.map_err(acquire_error)?;
        // Where it broke, the next question finds out.
        self.open = Some(open);
        checked
    }

    // Taken out: a connection whose answer was not waited for is closed.
    async fn open(&mut self) -> Result<Open, sqlx::Error> {
        let is_young = |open: &Open| self.recycle.is_none_or(|age| open.since.elapsed() < age);
        if let Some(open) = self.open.take().filter(is_young) {
            return Ok(open);
        }
        let login = self.login.get_or_insert_with(|| login(&self.options));
        let connected = in_time(PATIENCE, login).await?;
        self.login = None;
        Ok(Open {
            connection: connected?,
            since: Instant::now(),
        })
    }
}

fn login(options: &PgConnectOptions) -> Login {
    let options = options.clone();
    async move { in_time(LOGIN, options.connect()).await? }.boxed()
}

async fn in_time<T>(limit: Duration, work: impl Future<Output = T>) -> Result<T, sqlx::Error> {
    let done = tokio::time::timeout(limit, work).await;
    done.map_err(|_| sqlx::Error::PoolTimedOut)
}
