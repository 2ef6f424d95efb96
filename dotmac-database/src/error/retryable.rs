//! Asks any error whether its unit of work is worth another run.

use std::error::Error as StdError;

use sea_orm::{DbErr, TransactionError};

use super::Error;

/// An error that knows whether the same unit of work, run again, may succeed.
///
/// [`Database::retrying`](crate::Database::retrying) asks this of what a unit of work returned.
/// Implement it for an error type of your own by passing the question on:
///
/// ```
/// use dotmac_database::{Error, Retryable};
///
/// enum OrderError {
///     SoldOut,
///     Database(Error),
/// }
///
/// impl From<Error> for OrderError {
///     fn from(error: Error) -> Self {
///         OrderError::Database(error)
///     }
/// }
///
/// impl Retryable for OrderError {
///     fn is_retryable(&self) -> bool {
///         match self {
///             OrderError::SoldOut => false,
///             OrderError::Database(error) => error.is_retryable(),
///         }
///     }
/// }
/// # assert!(!OrderError::from(Error::Ended).is_retryable());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot say whether a unit of work is worth another run",
    note = "implement `dotmac_database::Retryable` for it: pass the question on to the \
            `dotmac_database::Error` or `DbErr` inside"
)]
pub trait Retryable {
    /// Whether the same unit of work, run again in a fresh session, may succeed.
    fn is_retryable(&self) -> bool;
}

impl Retryable for Error {
    fn is_retryable(&self) -> bool {
        Error::is_retryable(self)
    }
}

impl Retryable for DbErr {
    fn is_retryable(&self) -> bool {
        Error::from(self.clone()).is_retryable()
    }
}

impl<E: Retryable + StdError> Retryable for TransactionError<E> {
    fn is_retryable(&self) -> bool {
        match self {
            TransactionError::Connection(error) => error.is_retryable(),
            TransactionError::Transaction(error) => error.is_retryable(),
        }
    }
}

/// The first [`Error`] or `DbErr` answers, in the box or among the sources of what is in it.
impl Retryable for Box<dyn StdError + Send + Sync> {
    fn is_retryable(&self) -> bool {
        let mut next: Option<&(dyn StdError + 'static)> = Some(self.as_ref());
        while let Some(error) = next {
            if let Some(error) = error.downcast_ref::<Error>() {
                return error.is_retryable();
            }
            if let Some(error) = error.downcast_ref::<DbErr>() {
                return error.is_retryable();
            }
            next = error.source();
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::super::ErrorKind;
    use super::*;

    fn aborted(cause: ErrorKind) -> Error {
        Error::Aborted { cause: Some(cause) }
    }

    #[test]
    fn aborted_unit_is_retryable_by_its_cause() {
        assert!(aborted(ErrorKind::Serialization).is_retryable());
        assert!(!aborted(ErrorKind::Unique).is_retryable());
        assert!(!Error::Aborted { cause: None }.is_retryable());
    }

    #[test]
    fn question_reaches_through_wrappers() {
        let conflict = || aborted(ErrorKind::Serialization);
        assert!(DbErr::from(conflict()).is_retryable());
        let batch = Error::Batch {
            index: 1,
            source: Box::new(conflict()),
        };
        assert!(batch.is_retryable());
        let nested = TransactionError::<DbErr>::Transaction(conflict().into());
        assert!(nested.is_retryable());
        let boxed: Box<dyn StdError + Send + Sync> = Box::new(conflict());
        assert!(boxed.is_retryable());
        let inside: Box<dyn StdError + Send + Sync> = Box::new(batch);
        assert!(inside.is_retryable());
        let other: Box<dyn StdError + Send + Sync> = "no".into();
        assert!(!other.is_retryable());
    }

    #[test]
    fn outcome_that_is_not_known_is_not_tried_again() {
        let lost = std::sync::Arc::new(sqlx::Error::WorkerCrashed);
        assert!(!Error::CommitUnknown(lost).is_retryable());
    }
}
