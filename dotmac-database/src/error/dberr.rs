//! The crossing between [`Error`] and SeaORM's `DbErr`, both ways without loss.
//!
//! Seam into SeaORM 2.0: `DbErr::TryIntoErr` is the only variant that carries a foreign error.

use std::sync::Arc;

use sea_orm::{DbErr, TransactionError};

use super::{Error, database};

impl From<Error> for DbErr {
    fn from(error: Error) -> Self {
        match error {
            Error::Unique { source, .. }
            | Error::ForeignKey { source, .. }
            | Error::Check { source, .. }
            | Error::NotNull { source, .. }
            | Error::Exclusion { source, .. }
            | Error::RowSecurity { source, .. }
            | Error::Denied(source)
            | Error::ReadOnlyTransaction(source)
            | Error::Serialization(source)
            | Error::Deadlock(source)
            | Error::StalePlan(source)
            | Error::StatementTimeout(source)
            | Error::LockTimeout(source)
            | Error::PoolTimeout(source)
            | Error::ConnectionLost(source)
            | Error::Database(source) => source,
            error => DbErr::TryIntoErr {
                from: "the request",
                into: "a statement of the session",
                source: Arc::new(error),
            },
        }
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        if let DbErr::TryIntoErr { source, .. } = &error
            && let Some(ours) = source.downcast_ref::<Error>()
        {
            return ours.clone();
        }
        database::typed(error)
    }
}

impl<E> From<TransactionError<E>> for Error
where
    E: Into<Error> + std::error::Error,
{
    fn from(error: TransactionError<E>) -> Self {
        match error {
            TransactionError::Connection(error) => error.into(),
            TransactionError::Transaction(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::ConnAcquireErr;

    use super::super::ErrorKind;
    use super::*;

    #[test]
    fn typed_error_survives_the_way_through_sea_orm() {
        let there = DbErr::from(Error::ForeignTenant {
            entity: "orders".into(),
        });
        assert_eq!(Error::from(there).kind(), ErrorKind::ForeignTenant);
    }

    #[test]
    fn sea_orm_error_survives_the_way_through_ours() {
        let there = Error::from(DbErr::RecordNotUpdated);
        assert_eq!(DbErr::from(there), DbErr::RecordNotUpdated);
        let there = Error::from(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout));
        assert!(matches!(there, Error::PoolTimeout(_)), "{there}");
        let back = DbErr::from(there);
        assert!(matches!(
            back,
            DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)
        ));
    }
}
