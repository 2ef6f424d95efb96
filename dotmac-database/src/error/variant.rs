//! The error of this crate, and the questions a caller can ask it.

use std::error::Error as _;
use std::fmt;
use std::sync::Arc;

use sea_orm::DbErr;

use super::{CacheError, ErrorKind, LockError, TenancyError, Violation};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong.
///
/// Converts to and from [`DbErr`] without loss, so that it passes through SeaORM's functions.
/// Messages of this crate carry no SQL parameters, no values of rows and no passwords; the first line
/// of the database's own is passed on as it is, as the [`source`](std::error::Error::source). `Debug`
/// shows the same: PostgreSQL's DETAIL, which `DbErr` shows there, holds values of rows.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tenant-aware entity was used in a context without a tenant.
    #[error(
        "`{entity}` belongs to tenants and the context names none: open the session with \
         `RequestContext::tenant(…)`"
    )]
    MissingTenant {
        /// The entity's table.
        entity: String,
    },
    /// A row, or a change of a row, belongs to another tenant than the session.
    #[error("the row of `{entity}` belongs to another tenant than the session")]
    ForeignTenant {
        /// The entity's table.
        entity: String,
    },
    /// A hook ran on a connection that carries no context.
    #[error(
        "`{entity}` is written outside a session: use `db.write(…)`, which carries the context"
    )]
    OutsideSession {
        /// The entity's table.
        entity: String,
    },
    /// A text cannot be a tenant's id, or not one for the entities of this program.
    #[error("the tenant id is not valid: {reason}")]
    InvalidTenant {
        /// What the id must be.
        reason: String,
    },
    /// A text cannot be a schema's name, or a tenant's id cannot be part of one.
    #[error("the schema's name is not valid: {reason}")]
    InvalidSchema {
        /// What the name must be.
        reason: String,
    },
    /// What stands against work on a tenant, its schema or its database.
    #[error(transparent)]
    Tenancy(#[from] TenancyError),
    /// What stands against work of a cache.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// What stands against work with a lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A field of the context cannot be stored to the letter.
    #[error("`{field}` of the request context is not valid: {reason}")]
    InvalidContext {
        /// The field.
        field: &'static str,
        /// What it must be.
        reason: &'static str,
    },
    /// A live row of a soft-deletable entity would be removed for good.
    #[error(
        "rows of `{entity}` are soft-deleted: call `delete` on the model, or `Entity::delete_many()`"
    )]
    PhysicalDelete {
        /// The entity's table.
        entity: String,
    },
    /// The row was changed since it was read.
    #[error(
        "the row of `{entity}` was changed meanwhile: version {read} was read, it is at {current}: read \
         it again"
    )]
    StaleVersion {
        /// The entity's table.
        entity: String,
        /// The version that was read.
        read: i32,
        /// The version that the row has now.
        current: i32,
    },
    /// A row of a versioned entity is written without the version that was read.
    #[error("rows of `{entity}` are versioned: read the row first, or set its version")]
    MissingVersion {
        /// The entity's table.
        entity: String,
    },
    /// Raw SQL would change the session's context or role, or end its transaction.
    #[error(
        "`{statement}` would change the session's context, role or transaction, which belong to the \
         session: open another session instead"
    )]
    ContextChange {
        /// The statement's first word.
        statement: String,
    },
    /// A tenant-aware table is not protected by row-level security.
    #[error("table \"{table}\" belongs to tenants and is not protected: {remedy}")]
    Unprotected {
        /// The table.
        table: String,
        /// What to do.
        remedy: String,
    },
    /// The table of a tenant-aware entity would be shared by all tenants.
    #[error("rows of `{entity}` belong to tenants and cannot be shared: use `install`")]
    SharedTenantTable {
        /// The entity's table.
        entity: String,
    },
    /// An index of the same name stands on another table.
    #[error(
        "index \"{index}\" is not on {table}: another table has one of that name; rename a column"
    )]
    IndexDiffers {
        /// The index.
        index: String,
        /// The table that needs it.
        table: String,
    },
    /// An upsert names columns that are not unique together.
    #[error("`{entity}` has no unique key over {columns}: put `#[dotmac(unique)]` on them")]
    NoUniqueKey {
        /// The entity's table.
        entity: String,
        /// The columns.
        columns: String,
    },
    /// JSON for a row names what is no column of it.
    #[error("the JSON for `{entity}` has unknown keys: {keys:?}")]
    UnknownKeys {
        /// The entity's table.
        entity: String,
        /// The keys.
        keys: Vec<String>,
    },
    /// JSON for a row would set a column that only the library and the database set.
    #[error("`{key}` of `{entity}` cannot be set by JSON")]
    ProtectedKey {
        /// The entity's table.
        entity: String,
        /// The key.
        key: &'static str,
    },
    /// JSON for a row has a value that its column does not take.
    #[error("`{key}` in the JSON for `{entity}` must be {expected}")]
    InvalidValue {
        /// The entity's table.
        entity: String,
        /// The key, or `$` for the JSON as a whole.
        key: &'static str,
        /// What it must be.
        expected: String,
    },
    /// A row has a value for which there is no JSON.
    #[error("`{key}` of `{entity}` cannot be written as JSON: {reason}")]
    NotJson {
        /// The entity's table.
        entity: String,
        /// The key.
        key: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// The login role is not held back by row-level security.
    #[error("role \"{role}\" bypasses row-level security ({reason}): {remedy}")]
    BypassesRls {
        /// The login role.
        role: String,
        /// Why policies do not bind it.
        reason: String,
        /// What to do.
        remedy: String,
    },
    /// A role of the database does not exist, and the connected one may not create it.
    #[error("role \"{role}\" does not exist: run `Roles::create` once as a role with CREATEROLE")]
    MissingRole {
        /// The role.
        role: String,
    },
    /// A setting of the configuration cannot be used.
    #[error("`{variable}` {reason}")]
    Config {
        /// The environment variable, or the builder's setting.
        variable: &'static str,
        /// What is wrong, without the value where it may be secret.
        reason: String,
    },
    /// No entity of the program is named so.
    #[error("no entity has the table or the path `{name}`: is it linked into this program?")]
    UnknownEntity {
        /// The name.
        name: String,
    },
    /// Two entities have the same table, and it is not said which of them tells what it is like.
    #[error("`{}` and `{}` have the same table \"{table}\": name one by its path", entities[0], entities[1])]
    SharedTable {
        /// The table.
        table: String,
        /// Where the entities are.
        entities: [&'static str; 2],
    },
    /// A hook after the migrations failed; the migrations stay applied.
    #[error("the hook `{hook}` after the migrations failed")]
    Hook {
        /// The hook's name.
        hook: &'static str,
        /// What it said.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The database cannot do what was asked.
    #[error("{what} needs PostgreSQL; the database is {backend}")]
    Unsupported {
        /// What was asked for.
        what: &'static str,
        /// The backend in use.
        backend: &'static str,
    },
    /// Behind PgBouncer, raw SQL would leave on the connection what another client meets there.
    #[error(
        "{what} outlives its transaction, after which PgBouncer in transaction mode gives the \
         connection to another client: use what ends with the transaction (SET LOCAL, \
         pg_advisory_xact_lock, …), or connect to PostgreSQL itself"
    )]
    Pooled {
        /// What was asked for.
        what: &'static str,
    },
    /// A cursor was made up, changed, or belongs to another query or tenant.
    #[error("the cursor is not valid")]
    InvalidCursor,
    /// A select cannot be read by pages or in batches.
    #[error("the select of `{entity}` cannot be read in parts: {reason}")]
    InvalidSelect {
        /// The entity's table.
        entity: String,
        /// What stands against it.
        reason: &'static str,
    },
    /// The session cannot take a statement now.
    #[error("the session is busy: {reason}")]
    Busy {
        /// What has to end first.
        reason: &'static str,
    },
    /// An earlier statement of the unit of work failed; nothing of it was committed.
    #[error("the unit of work is aborted: an earlier statement failed, and nothing was committed")]
    Aborted {
        /// The kind of what failed, where it is known.
        cause: Option<ErrorKind>,
    },
    /// A statement of [`Session::batch`](crate::Session::batch) failed, and all of them were undone.
    #[error("statement {index} of the batch failed, and the batch was undone")]
    Batch {
        /// Which, counted from 0.
        index: usize,
        /// Why.
        source: Box<Error>,
    },
    /// No savepoint of that name is open in the session.
    #[error("the session has no savepoint {name:?}")]
    UnknownSavepoint {
        /// The name.
        name: String,
    },
    /// The session refuses what only one that writes can do.
    #[error("{what} needs a session that writes: use `db.write(…)`")]
    ReadOnly {
        /// What was asked for.
        what: &'static str,
    },
    /// The unit of work has ended.
    #[error("the unit of work has ended")]
    Ended,
    /// The database was closed by this program, or the session cut off by that.
    #[error("the database is closed: this program is shutting down")]
    Closed,
    /// The connection is in doubt after a cancelled or failed control statement, and was given up.
    #[error("the session's connection was given up: {reason}")]
    InDoubt {
        /// What left it in doubt.
        reason: &'static str,
    },
    /// The connection broke while COMMIT was under way: the work may or may not be stored.
    #[error("the connection broke during COMMIT: the work may or may not be stored")]
    CommitUnknown(#[source] Arc<sqlx::Error>),
    /// Another row has the value of a unique constraint.
    #[error("the value is taken already ({violation})")]
    Unique {
        /// Which constraint.
        violation: Box<Violation>,
        /// The driver's error.
        source: DbErr,
    },
    /// A row refers to one that does not exist, or one would be removed that others refer to.
    #[error("the row refers to one that does not exist, or is still referred to ({violation})")]
    ForeignKey {
        /// Which constraint.
        violation: Box<Violation>,
        /// The driver's error.
        source: DbErr,
    },
    /// A row breaks a CHECK constraint.
    #[error("the row breaks a rule of its table ({violation})")]
    Check {
        /// Which constraint.
        violation: Box<Violation>,
        /// The driver's error.
        source: DbErr,
    },
    /// A column that must have a value has none.
    #[error("a value is missing ({violation})")]
    NotNull {
        /// Which column.
        violation: Box<Violation>,
        /// The driver's error.
        source: DbErr,
    },
    /// A row conflicts with another one by an exclusion constraint, such as two bookings at a time.
    #[error("the row conflicts with another one ({violation})")]
    Exclusion {
        /// Which constraint.
        violation: Box<Violation>,
        /// The driver's error.
        source: DbErr,
    },
    /// A row-level security policy refused a row.
    #[error("row-level security refuses the row ({violation})")]
    RowSecurity {
        /// The table; policies are no constraints.
        violation: Box<Violation>,
        /// The driver's error.
        source: DbErr,
    },
    /// The role lacks a privilege.
    #[error("the database role lacks a privilege")]
    Denied(#[source] DbErr),
    /// A write in a read session, or on a replica.
    #[error("the transaction is read-only")]
    ReadOnlyTransaction(#[source] DbErr),
    /// The transaction conflicts with a concurrent one.
    #[error("the transaction conflicts with a concurrent one: run the unit of work again")]
    Serialization(#[source] DbErr),
    /// Transactions waited for each other, and this one was ended.
    #[error("the transaction was ended to resolve a deadlock: run the unit of work again")]
    Deadlock(#[source] DbErr),
    /// A statement that the connection has prepared has columns of other types by now: in the schema of
    /// another tenant, or since a migration.
    #[error(
        "a prepared statement has columns of other types than before: run the unit of work again"
    )]
    StalePlan(#[source] DbErr),
    /// A statement ran for longer than the statement timeout, or an administrator cancelled it.
    #[error("the statement ran for too long, or was cancelled")]
    StatementTimeout(#[source] DbErr),
    /// A lock did not come free in the lock timeout, or at once where the statement said NOWAIT.
    #[error("a lock did not come free in time")]
    LockTimeout(#[source] DbErr),
    /// In the pool's timeout no connection came free, and none could be opened.
    #[error("no connection came free or could be opened in the pool's timeout")]
    PoolTimeout(#[source] DbErr),
    /// The connection broke, or the server takes none.
    #[error("the connection to the database is lost")]
    ConnectionLost(#[source] DbErr),
    /// Any other error of SeaORM or the database.
    #[error(transparent)]
    Database(DbErr),
}

impl Error {
    /// The kind of the error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::MissingTenant { .. } => ErrorKind::MissingTenant,
            Error::ForeignTenant { .. } => ErrorKind::ForeignTenant,
            Error::OutsideSession { .. } => ErrorKind::OutsideSession,
            Error::InvalidTenant { .. }
            | Error::InvalidSchema { .. }
            | Error::InvalidContext { .. } => ErrorKind::InvalidContext,
            Error::Tenancy(TenancyError::DatabasesInUse { .. }) => ErrorKind::PoolTimeout,
            Error::Tenancy(_) => ErrorKind::Tenancy,
            Error::Cache(_) => ErrorKind::Cache,
            Error::Lock(LockError::TimedOut { .. }) => ErrorKind::LockTimeout,
            Error::Lock(LockError::Lost { .. }) => ErrorKind::LockLost,
            Error::Lock(LockError::StaleFence { .. }) => ErrorKind::StaleFence,
            Error::Lock(LockError::NoConnection { .. }) => ErrorKind::PoolTimeout,
            Error::Lock(LockError::OnStandby) => ErrorKind::ReadOnly,
            Error::Lock(LockError::Unavailable { .. } | LockError::RateUnknown { .. }) => {
                ErrorKind::ConnectionLost
            }
            Error::Lock(_) => ErrorKind::Lock,
            Error::PhysicalDelete { .. } => ErrorKind::PhysicalDelete,
            Error::BypassesRls { .. } => ErrorKind::BypassesRls,
            Error::StaleVersion { .. } => ErrorKind::StaleVersion,
            Error::MissingVersion { .. } => ErrorKind::MissingVersion,
            Error::ContextChange { .. } => ErrorKind::ContextChange,
            Error::Unprotected { .. } => ErrorKind::Unprotected,
            Error::SharedTenantTable { .. }
            | Error::IndexDiffers { .. }
            | Error::NoUniqueKey { .. }
            | Error::UnknownEntity { .. }
            | Error::SharedTable { .. } => ErrorKind::Schema,
            Error::Hook { .. } => ErrorKind::Hook,
            Error::UnknownKeys { .. } | Error::ProtectedKey { .. } | Error::InvalidValue { .. } => {
                ErrorKind::InvalidInput
            }
            Error::NotJson { .. } => ErrorKind::Other,
            Error::Config { .. } | Error::MissingRole { .. } => ErrorKind::Config,
            Error::Unsupported { .. } | Error::Pooled { .. } => ErrorKind::Unsupported,
            Error::InvalidCursor => ErrorKind::InvalidCursor,
            Error::InvalidSelect { .. } => ErrorKind::InvalidSelect,
            Error::Busy { .. } | Error::Ended | Error::UnknownSavepoint { .. } => {
                ErrorKind::Session
            }
            Error::Aborted { .. } => ErrorKind::Aborted,
            Error::Batch { source, .. } => source.kind(),
            Error::ReadOnly { .. } => ErrorKind::ReadOnly,
            Error::Closed => ErrorKind::Closed,
            Error::InDoubt { .. } => ErrorKind::ConnectionLost,
            Error::CommitUnknown(_) => ErrorKind::CommitUnknown,
            Error::Unique { .. } => ErrorKind::Unique,
            Error::ForeignKey { .. } => ErrorKind::ForeignKey,
            Error::Check { .. } => ErrorKind::Check,
            Error::NotNull { .. } => ErrorKind::NotNull,
            Error::Exclusion { .. } => ErrorKind::Exclusion,
            Error::RowSecurity { .. } => ErrorKind::ForeignTenant,
            Error::Denied(_) => ErrorKind::Denied,
            Error::ReadOnlyTransaction(_) => ErrorKind::ReadOnly,
            Error::Serialization(_) => ErrorKind::Serialization,
            Error::Deadlock(_) => ErrorKind::Deadlock,
            Error::StalePlan(_) => ErrorKind::StalePlan,
            Error::StatementTimeout(_) => ErrorKind::StatementTimeout,
            Error::LockTimeout(_) => ErrorKind::LockTimeout,
            Error::PoolTimeout(_) => ErrorKind::PoolTimeout,
            Error::ConnectionLost(_) => ErrorKind::ConnectionLost,
            Error::Database(error) => super::database::kind(error),
        }
    }

    /// Whether the same unit of work, run again in a fresh session, may succeed, and cannot be done
    /// twice.
    ///
    /// True for [`Serialization`](Error::Serialization), [`Deadlock`](Error::Deadlock) and
    /// [`StalePlan`](Error::StalePlan), also where one of them aborted the unit: the database undid the
    /// transaction, and another attempt meets it in another state. Not for
    /// [`ConnectionLost`](Error::ConnectionLost): what a statement outside of a session did is committed
    /// with it, and only its answer may be lost. Not for timeouts, where the wait was the caller's own
    /// limit and the database is busy. Never for [`CommitUnknown`](Error::CommitUnknown).
    pub fn is_retryable(&self) -> bool {
        let kind = match self {
            Error::Aborted { cause: Some(cause) } => *cause,
            Error::Batch { source, .. } => return source.is_retryable(),
            error => error.kind(),
        };
        matches!(
            kind,
            ErrorKind::Serialization | ErrorKind::Deadlock | ErrorKind::StalePlan
        )
    }

    /// The constraint that was violated, if that is what went wrong.
    pub fn violation(&self) -> Option<&Violation> {
        match self {
            Error::Unique { violation, .. }
            | Error::ForeignKey { violation, .. }
            | Error::Check { violation, .. }
            | Error::NotNull { violation, .. }
            | Error::Exclusion { violation, .. }
            | Error::RowSecurity { violation, .. } => Some(violation),
            Error::Batch { source, .. } => source.violation(),
            _ => None,
        }
    }
}

/// The kind, the message, and the first line of the database's.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.kind())?;
        match (self, self.source()) {
            // Its message is the source's already.
            (Error::Database(_), _) | (_, None) => Ok(()),
            (_, Some(source)) => write!(f, ": {source}"),
        }
    }
}
