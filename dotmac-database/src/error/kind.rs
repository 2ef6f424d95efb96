//! The kinds of errors, for a `match`.

/// The kinds of [`Error`](crate::Error), for a `match`.
///
/// | kind | as the answer to a request |
/// |---|---|
/// | `MissingTenant`, `InvalidContext`, `InvalidCursor` | 400 |
/// | `ForeignTenant`, `Denied` | 403 |
/// | `NotFound` | 404 |
/// | `Unique`, `ForeignKey`, `Exclusion`, `PhysicalDelete`, `StaleVersion`, `StaleFence` | 409 |
/// | `Check`, `NotNull`, `InvalidInput` | 422 |
/// | `Serialization`, `Deadlock`, `StalePlan` | run the unit of work again; after some attempts 503 |
/// | `LockTimeout`, `StatementTimeout`, `PoolTimeout`, `ConnectionLost`, `Closed` | 503 |
/// | `CommitUnknown` | 500, and never again blindly |
/// | all others | 500 |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// [`Error::MissingTenant`](crate::Error::MissingTenant).
    MissingTenant,
    /// [`Error::ForeignTenant`](crate::Error::ForeignTenant), or
    /// [`Error::RowSecurity`](crate::Error::RowSecurity): a write that a policy refused.
    ForeignTenant,
    /// [`Error::OutsideSession`](crate::Error::OutsideSession).
    OutsideSession,
    /// [`Error::InvalidTenant`](crate::Error::InvalidTenant),
    /// [`Error::InvalidSchema`](crate::Error::InvalidSchema) or
    /// [`Error::InvalidContext`](crate::Error::InvalidContext).
    InvalidContext,
    /// [`Error::Tenancy`](crate::Error::Tenancy).
    Tenancy,
    /// [`Error::Cache`](crate::Error::Cache).
    Cache,
    /// [`Error::Lock`](crate::Error::Lock), unless it is lost or was not to be had.
    Lock,
    /// [`LockError::Lost`](crate::LockError::Lost).
    LockLost,
    /// [`LockError::StaleFence`](crate::LockError::StaleFence).
    StaleFence,
    /// [`Error::PhysicalDelete`](crate::Error::PhysicalDelete), or the guard trigger's refusal.
    PhysicalDelete,
    /// [`Error::BypassesRls`](crate::Error::BypassesRls).
    BypassesRls,
    /// [`Error::StaleVersion`](crate::Error::StaleVersion), or the version trigger's refusal.
    StaleVersion,
    /// [`Error::MissingVersion`](crate::Error::MissingVersion).
    MissingVersion,
    /// [`Error::ContextChange`](crate::Error::ContextChange).
    ContextChange,
    /// [`Error::Unprotected`](crate::Error::Unprotected).
    Unprotected,
    /// [`Error::SharedTenantTable`](crate::Error::SharedTenantTable),
    /// [`Error::IndexDiffers`](crate::Error::IndexDiffers),
    /// [`Error::NoUniqueKey`](crate::Error::NoUniqueKey),
    /// [`Error::UnknownEntity`](crate::Error::UnknownEntity) or
    /// [`Error::SharedTable`](crate::Error::SharedTable).
    Schema,
    /// [`Error::Hook`](crate::Error::Hook).
    Hook,
    /// [`Error::UnknownKeys`](crate::Error::UnknownKeys),
    /// [`Error::ProtectedKey`](crate::Error::ProtectedKey) or
    /// [`Error::InvalidValue`](crate::Error::InvalidValue).
    InvalidInput,
    /// [`Error::InvalidCursor`](crate::Error::InvalidCursor).
    InvalidCursor,
    /// [`Error::InvalidSelect`](crate::Error::InvalidSelect).
    InvalidSelect,
    /// [`Error::Config`](crate::Error::Config) or [`Error::MissingRole`](crate::Error::MissingRole).
    Config,
    /// [`Error::Unsupported`](crate::Error::Unsupported) or [`Error::Pooled`](crate::Error::Pooled).
    Unsupported,
    /// [`Error::Busy`](crate::Error::Busy), [`Error::Ended`](crate::Error::Ended) or
    /// [`Error::UnknownSavepoint`](crate::Error::UnknownSavepoint): the session is used wrongly.
    Session,
    /// [`Error::Aborted`](crate::Error::Aborted), or a statement after one that failed.
    Aborted,
    /// [`Error::Closed`](crate::Error::Closed).
    Closed,
    /// [`Error::ConnectionLost`](crate::Error::ConnectionLost),
    /// [`Error::InDoubt`](crate::Error::InDoubt),
    /// [`LockError::Unavailable`](crate::LockError::Unavailable) or
    /// [`LockError::RateUnknown`](crate::LockError::RateUnknown).
    ConnectionLost,
    /// [`Error::CommitUnknown`](crate::Error::CommitUnknown).
    CommitUnknown,
    /// No such row, or none that the session may see.
    NotFound,
    /// [`Error::Unique`](crate::Error::Unique).
    Unique,
    /// [`Error::ForeignKey`](crate::Error::ForeignKey).
    ForeignKey,
    /// [`Error::Check`](crate::Error::Check).
    Check,
    /// [`Error::NotNull`](crate::Error::NotNull).
    NotNull,
    /// [`Error::Exclusion`](crate::Error::Exclusion).
    Exclusion,
    /// [`Error::ReadOnlyTransaction`](crate::Error::ReadOnlyTransaction),
    /// [`Error::ReadOnly`](crate::Error::ReadOnly) or
    /// [`LockError::OnStandby`](crate::LockError::OnStandby).
    ReadOnly,
    /// [`Error::Denied`](crate::Error::Denied).
    Denied,
    /// [`Error::Serialization`](crate::Error::Serialization).
    Serialization,
    /// [`Error::Deadlock`](crate::Error::Deadlock).
    Deadlock,
    /// [`Error::StalePlan`](crate::Error::StalePlan).
    StalePlan,
    /// [`Error::StatementTimeout`](crate::Error::StatementTimeout).
    StatementTimeout,
    /// [`Error::LockTimeout`](crate::Error::LockTimeout) or
    /// [`LockError::TimedOut`](crate::LockError::TimedOut).
    LockTimeout,
    /// [`Error::PoolTimeout`](crate::Error::PoolTimeout),
    /// [`LockError::NoConnection`](crate::LockError::NoConnection) or
    /// [`TenancyError::DatabasesInUse`](crate::TenancyError::DatabasesInUse).
    PoolTimeout,
    /// Anything else.
    Other,
}
