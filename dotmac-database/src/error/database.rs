//! Kinds of driver errors, by SQLSTATE (PostgreSQL, appendix A) and by SQLite's extended codes.

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr};

use super::ErrorKind;

/// The text with which the guard trigger refuses a physical delete.
pub const GUARD_MESSAGE: &str = "dotmac: a live row cannot be removed";

/// The text with which the version trigger refuses a row that was changed since it was read.
pub const STALE_MESSAGE: &str = "dotmac: the row was changed since it was read";

/// The kind of an error that came from SeaORM.
pub fn kind(error: &DbErr) -> ErrorKind {
    match error {
        DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => ErrorKind::PoolTimeout,
        DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed) => ErrorKind::ConnectionLost,
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => driver(error),
        DbErr::RecordNotFound(_) | DbErr::RecordNotUpdated => ErrorKind::NotFound,
        _ => ErrorKind::Other,
    }
}

fn driver(error: &sqlx::Error) -> ErrorKind {
    match error {
        sqlx::Error::Database(error) => {
            if error.message().starts_with(GUARD_MESSAGE) {
                return ErrorKind::PhysicalDelete;
            }
            if error.message().starts_with(STALE_MESSAGE) {
                return ErrorKind::StaleVersion;
            }
            let code = error.code().unwrap_or_default();
            state(&code, error.message())
        }
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) => {
            ErrorKind::ConnectionLost
        }
        sqlx::Error::PoolTimedOut => ErrorKind::PoolTimeout,
        sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => ErrorKind::ConnectionLost,
        sqlx::Error::RowNotFound => ErrorKind::NotFound,
        _ => ErrorKind::Other,
    }
}

fn state(code: &str, message: &str) -> ErrorKind {
    match code {
        // PostgreSQL's refusal by policy shares its SQLSTATE with missing privileges.
        "42501" if message.contains("row-level security") => ErrorKind::ForeignTenant,
        "42501" => ErrorKind::Denied,
        "23505" | "1555" | "2067" => ErrorKind::Unique,
        "23503" | "787" => ErrorKind::ForeignKey,
        "23502" | "23514" | "275" | "1299" => ErrorKind::Constraint,
        "25006" | "8" => ErrorKind::ReadOnly,
        "25P02" => ErrorKind::Aborted,
        "40001" | "40P01" => ErrorKind::Serialization,
        "57014" | "55P03" => ErrorKind::Timeout,
        "57P01" | "57P02" | "57P03" => ErrorKind::ConnectionLost,
        _ => ErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_refusal_differs_from_missing_privilege() {
        let policy = "new row violates row-level security policy for table \"orders\"";
        assert_eq!(state("42501", policy), ErrorKind::ForeignTenant);
        assert_eq!(
            state("42501", "permission denied for table x"),
            ErrorKind::Denied
        );
    }
}
