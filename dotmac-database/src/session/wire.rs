//! One connection, spoken to through sqlx; the results are SeaORM's.
//!
//! Seam into SeaORM 2.0: `QueryResult` and `ExecResult` convert from sqlx's rows and results, and
//! `SqlxValues` binds SeaORM's values.

use futures_util::stream::{BoxStream, StreamExt};
use sea_orm::{ExecResult, QueryResult, Statement};
use sea_query_sqlx::SqlxValues;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgDatabaseError, PgSeverity};
use sqlx::{AssertSqlSafe, Connection, Postgres, Sqlite};

/// A connection of the pool.
pub enum Wire {
    Postgres {
        connection: PoolConnection<Postgres>,
        /// Statements may be prepared by name.
        persistent: bool,
    },
    Sqlite {
        connection: PoolConnection<Sqlite>,
    },
}

/// PostgreSQL counts parameters in 16 bits.
const MAX_PARAMETERS: usize = u16::MAX as usize;

/// Refuses what sqlx would tell as a broken protocol.
fn check_parameters(statement: &Statement) -> Result<(), sqlx::Error> {
    let parameters = statement.values.as_ref().map_or(0, |values| values.0.len());
    if parameters <= MAX_PARAMETERS {
        return Ok(());
    }
    let message =
        format!("{parameters} parameters are more than the {MAX_PARAMETERS} of a statement");
    Err(sqlx::Error::Encode(message.into()))
}

/// Runs one of sqlx's fetching functions on whichever connection it is.
macro_rules! on_connection {
    ($wire:expr, $statement:expr, |$query:ident, $connection:ident| $run:expr) => {{
        let statement: &Statement = $statement;
        let values = SqlxValues(statement.values.clone().unwrap_or_else(no_values));
        let sql = AssertSqlSafe(statement.sql.as_str());
        match $wire {
            Wire::Postgres {
                connection,
                persistent,
            } => {
                let $query = sqlx::query_with::<Postgres, _>(sql, values).persistent(*persistent);
                let $connection = &mut **connection;
                $run
            }
            Wire::Sqlite { connection } => {
                let $query = sqlx::query_with::<Sqlite, _>(sql, values);
                let $connection = &mut **connection;
                $run
            }
        }
    }};
}

impl Wire {
    /// Whether the connection to PostgreSQL is the pool's own, and not one that PgBouncer lends.
    pub fn is_own(&self) -> bool {
        matches!(self, Wire::Postgres { persistent, .. } if *persistent)
    }

    /// Sends statements without arguments in one round trip (PostgreSQL's simple protocol).
    pub async fn batch(&mut self, sql: &str) -> Result<ExecResult, sqlx::Error> {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql));
        match self {
            Wire::Postgres { connection, .. } => {
                sql.execute(&mut **connection).await.map(Into::into)
            }
            Wire::Sqlite { connection } => sql.execute(&mut **connection).await.map(Into::into),
        }
    }

    /// Asks for an empty answer.
    pub async fn ping(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Wire::Postgres { connection, .. } => connection.ping().await,
            Wire::Sqlite { connection } => connection.ping().await,
        }
    }

    /// Reads the answers to statements that nobody waited for: the first refusal among them.
    pub async fn drain(&mut self) -> Result<Option<sqlx::Error>, sqlx::Error> {
        let mut refused = None;
        loop {
            let answered = match self {
                Wire::Postgres { connection, .. } => connection.flush().await,
                Wire::Sqlite { connection } => connection.flush().await,
            };
            match answered {
                Ok(()) => return Ok(refused),
                Err(error) if damage(&error) == Damage::Statement => {
                    refused.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Forgets the statements that are prepared on the connection, and the types that they named.
    pub async fn forget_statements(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Wire::Postgres { connection, .. } => connection.clear_cached_statements().await,
            Wire::Sqlite { connection } => connection.clear_cached_statements().await,
        }
    }

    pub async fn execute(&mut self, statement: &Statement) -> Result<ExecResult, sqlx::Error> {
        check_parameters(statement)?;
        on_connection!(self, statement, |query, connection| {
            query.execute(connection).await.map(Into::into)
        })
    }

    pub async fn fetch_one(
        &mut self,
        statement: &Statement,
    ) -> Result<Option<QueryResult>, sqlx::Error> {
        check_parameters(statement)?;
        on_connection!(self, statement, |query, connection| {
            let row = query.fetch_optional(connection).await?;
            Ok(row.map(Into::into))
        })
    }

    pub async fn fetch_all(
        &mut self,
        statement: &Statement,
    ) -> Result<Vec<QueryResult>, sqlx::Error> {
        check_parameters(statement)?;
        on_connection!(self, statement, |query, connection| {
            let rows = query.fetch_all(connection).await?;
            Ok(rows.into_iter().map(Into::into).collect())
        })
    }

    pub fn fetch<'w>(
        &'w mut self,
        statement: &'w Statement,
    ) -> BoxStream<'w, Result<QueryResult, sqlx::Error>> {
        if let Err(error) = check_parameters(statement) {
            return futures_util::stream::once(std::future::ready(Err(error))).boxed();
        }
        on_connection!(self, statement, |query, connection| {
            query
                .fetch(connection)
                .map(|row| row.map(Into::into))
                .boxed()
        })
    }

    /// Closes the connection without a word to the server, and without a runtime.
    pub fn abandon(self) {
        match self {
            Wire::Postgres { connection, .. } => drop(connection.detach()),
            Wire::Sqlite { connection } => drop(connection.detach()),
        }
    }
}

fn no_values() -> sea_orm::sea_query::Values {
    sea_orm::sea_query::Values(Vec::new())
}

/// What an error says about the connection it came over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// The server never saw the statement, or the answer could not be decoded.
    None,
    /// The server refused: the transaction is aborted up to its last savepoint.
    Statement,
    /// The connection is broken.
    Connection,
}

/// Judges an error.
pub fn damage(error: &sqlx::Error) -> Damage {
    match error {
        sqlx::Error::Database(error) if ends_connection(error.as_ref()) => Damage::Connection,
        sqlx::Error::Database(_) => Damage::Statement,
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed
        // The session was cut off, see `cut`.
        | sqlx::Error::PoolClosed => Damage::Connection,
        _ => Damage::None,
    }
}

// After FATAL and PANIC the server closes; PgBouncer tells of a lost server that way (08P01).
fn ends_connection(error: &dyn sqlx::error::DatabaseError) -> bool {
    error
        .try_downcast_ref::<PgDatabaseError>()
        .is_some_and(|error| {
            matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic)
                || error.code().starts_with("08")
        })
}
