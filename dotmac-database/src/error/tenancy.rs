//! What can go wrong with schemas of tenants, the directory and the fleet.

/// What stands against work on a tenant, its schema or its database; part of
/// [`Error::Tenancy`](crate::Error::Tenancy).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TenancyError {
    /// The directory has no such tenant.
    #[error("there is no tenant \"{tenant}\"")]
    UnknownTenant {
        /// The tenant's id.
        tenant: String,
    },
    /// The directory has that tenant already.
    #[error("tenant \"{tenant}\" exists already")]
    TenantExists {
        /// The tenant's id.
        tenant: String,
    },
    /// There are rows of that tenant where a new one is to be: an earlier one of the same id has left them.
    #[error(
        "tenant \"{tenant}\" has rows in {tables} already, which a new one would be given: remove them, or, \
         where they are its own, list it by `Directory::register`"
    )]
    HasRows {
        /// The tenant's id.
        tenant: String,
        /// The tables that have rows of it, with their schemas.
        tables: String,
    },
    /// It cannot be told which rows a table has.
    #[error(
        "policies may hide rows of {tables} from role \"{role}\": connect as the migrator, or give it a \
         policy `USING (true)` there"
    )]
    HiddenRows {
        /// The tables, with their schemas.
        tables: String,
        /// Who asked.
        role: String,
    },
    /// The schema does not exist, or the role may not use it.
    #[error(
        "schema \"{schema}\" does not exist, or the role has no USAGE on it: create it, or grant the right"
    )]
    UnknownSchema {
        /// The schema.
        schema: String,
    },
    /// The schema exists already.
    #[error("schema \"{schema}\" exists already")]
    SchemaExists {
        /// The schema.
        schema: String,
    },
    /// The name of a schema is that of another tenant's.
    #[error(
        "schema \"{schema}\" is where sessions of tenant \"{tenant}\" work: choose another name"
    )]
    SchemaOfOther {
        /// The schema.
        schema: String,
        /// Whose it is.
        tenant: String,
    },
    /// A tenant would be served, and its sessions would not find its schema.
    #[error(
        "sessions of tenant \"{tenant}\" work in schema \"{expected}\", and would not find \"{schema}\": give \
         it that name, or keep the tenant suspended"
    )]
    SchemaOutOfSight {
        /// The tenant's id.
        tenant: String,
        /// The schema that it has.
        schema: String,
        /// The schema that sessions look for.
        expected: String,
    },
    /// A schema holds what cannot be copied to another.
    #[error("{object} cannot be cloned: {reason}")]
    NotClonable {
        /// The object, with its kind.
        object: String,
        /// Why.
        reason: String,
    },
    /// A tenant is only dropped by somebody who gives its name twice.
    #[error("tenant \"{tenant}\" is not dropped: confirm it by its name")]
    NotConfirmed {
        /// The tenant's id.
        tenant: String,
    },
    /// Something outside of a tenant's schema is made of what is in it.
    #[error(
        "{dependents} would be lost with the schema of tenant \"{tenant}\": drop it first, or cascade"
    )]
    HasDependents {
        /// The tenant's id.
        tenant: String,
        /// What depends on the schema.
        dependents: String,
    },
    /// A tenant that moves would leave rows, or numbers of a sequence, behind in a schema that is dropped.
    #[error(
        "{objects} would be lost with the schema of tenant \"{tenant}\", as its new place does not have all that \
         they hold: copy it there, or remove it"
    )]
    WouldBeLost {
        /// The tenant's id.
        tenant: String,
        /// The tables and sequences, with their schema.
        objects: String,
    },
    /// A tenant's schema could not be written to a file.
    #[error("the schema of tenant \"{tenant}\" cannot be dumped: {reason}")]
    Dump {
        /// The tenant's id.
        tenant: String,
        /// What stands against it.
        reason: String,
    },
    /// The tenant is in a state in which this cannot be done.
    #[error("tenant \"{tenant}\" is {state}: {remedy}")]
    State {
        /// The tenant's id.
        tenant: String,
        /// Its state.
        state: String,
        /// What to do.
        remedy: String,
    },
    /// The schema of a tenant and the program do not fit.
    #[error("the schema of {tenants} is not at the version of this program ({expected}): {remedy}")]
    VersionSkew {
        /// Which tenants, or how many.
        tenants: String,
        /// The version that the program is written for.
        expected: String,
        /// What to do.
        remedy: String,
    },
    /// All databases that may be open at a time are in use.
    #[error(
        "all {open} databases that may be open at a time are in use: allow more by \
         `DatabaseLimits::max_open`, or hold their handles for a shorter time"
    )]
    DatabasesInUse {
        /// How many may be open.
        open: usize,
    },
    /// A text is no placement, or no state, of a tenant.
    #[error("the {what} is not valid: it must be {expected}")]
    Unreadable {
        /// What was read.
        what: &'static str,
        /// What it must be.
        expected: &'static str,
    },
}
