//! `CacheReader`: for whom a row is read.

use crate::context::RequestContext;
use crate::session::Session;

/// For whom a row is read through a cache: a context, or the session that asks, also that of a request.
///
/// A session gets what the database would show it: where it has changed the table, asked for a snapshot
/// (REPEATABLE READ or SERIALIZABLE), or belongs to another database, the row is read in it, and not cached.
/// Where it holds a connection already, it does not wait for another: what is not cached is read in it, and
/// loaded for the cache in the background.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say for whom a row is read",
    note = "give a `&RequestContext`, a `&Session`, or the session of a request"
)]
pub trait CacheReader: Sync {
    /// Its context.
    #[doc(hidden)]
    fn reads_as(&self) -> &RequestContext;

    /// The session.
    #[doc(hidden)]
    fn session(&self) -> Option<&Session> {
        None
    }
}

impl CacheReader for RequestContext {
    fn reads_as(&self) -> &RequestContext {
        self
    }
}

impl CacheReader for Session {
    fn reads_as(&self) -> &RequestContext {
        self.context()
    }

    fn session(&self) -> Option<&Session> {
        Some(self)
    }
}
