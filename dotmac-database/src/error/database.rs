//! The errors of SeaORM and the drivers, made into variants that a program can match on.

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr};
use sqlx::error::DatabaseError;
use sqlx::postgres::PgDatabaseError;

use super::{Error, ErrorKind, Violation, postgres, sqlite};

/// The text with which the guard trigger refuses a physical delete.
pub const GUARD_MESSAGE: &str = "dotmac: a live row cannot be removed";

/// The text with which the version trigger refuses a row that was changed since it was read.
pub const STALE_MESSAGE: &str = "dotmac: the row was changed since it was read";

/// What an error is, and where it arose.
pub struct Finding {
    pub kind: ErrorKind,
    pub violation: Violation,
}

impl From<ErrorKind> for Finding {
    fn from(kind: ErrorKind) -> Self {
        Finding {
            kind,
            violation: Violation::default(),
        }
    }
}

/// Gives an error that came from SeaORM its variant.
pub fn typed(source: DbErr) -> Error {
    let Finding { kind, violation } = find(&source);
    let violation = Box::new(violation);
    match kind {
        ErrorKind::ForeignTenant => Error::RowSecurity { violation, source },
        ErrorKind::Unique => Error::Unique { violation, source },
        ErrorKind::ForeignKey => Error::ForeignKey { violation, source },
        ErrorKind::Check => Error::Check { violation, source },
        ErrorKind::NotNull => Error::NotNull { violation, source },
        ErrorKind::Exclusion => Error::Exclusion { violation, source },
        ErrorKind::Denied => Error::Denied(source),
        ErrorKind::ReadOnly => Error::ReadOnlyTransaction(source),
        ErrorKind::Serialization => Error::Serialization(source),
        ErrorKind::Deadlock => Error::Deadlock(source),
        ErrorKind::StalePlan => Error::StalePlan(source),
        ErrorKind::StatementTimeout => Error::StatementTimeout(source),
        ErrorKind::LockTimeout => Error::LockTimeout(source),
        ErrorKind::PoolTimeout => Error::PoolTimeout(source),
        ErrorKind::ConnectionLost => Error::ConnectionLost(source),
        _ => Error::Database(source),
    }
}

/// The kind of an error that came from SeaORM.
pub fn kind(error: &DbErr) -> ErrorKind {
    find(error).kind
}

fn find(error: &DbErr) -> Finding {
    match error {
        DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => ErrorKind::PoolTimeout.into(),
        DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed) => {
            ErrorKind::ConnectionLost.into()
        }
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => driver(error),
        DbErr::RecordNotFound(_) | DbErr::RecordNotUpdated => ErrorKind::NotFound.into(),
        _ => ErrorKind::Other.into(),
    }
}

fn driver(error: &sqlx::Error) -> Finding {
    match error {
        sqlx::Error::Database(error) => server(error.as_ref()),
        sqlx::Error::PoolTimedOut => ErrorKind::PoolTimeout.into(),
        sqlx::Error::RowNotFound => ErrorKind::NotFound.into(),
        sqlx::Error::Io(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => ErrorKind::ConnectionLost.into(),
        _ => ErrorKind::Other.into(),
    }
}

/// Whether a statement that the connection has prepared no longer fits the tables it finds.
pub fn is_stale_plan(error: &sqlx::Error) -> bool {
    driver(error).kind == ErrorKind::StalePlan
}

fn server(error: &dyn DatabaseError) -> Finding {
    if error.message().starts_with(GUARD_MESSAGE) {
        return ErrorKind::PhysicalDelete.into();
    }
    if error.message().starts_with(STALE_MESSAGE) {
        return ErrorKind::StaleVersion.into();
    }
    match error.try_downcast_ref::<PgDatabaseError>() {
        Some(error) => postgres::find(error),
        None => sqlite::find(&error.code().unwrap_or_default(), error.message()),
    }
}
