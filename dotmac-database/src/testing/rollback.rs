//! Work that leaves no trace.

use crate::context::RequestContext;
use crate::error::Error;
use crate::session::{Database, Session};

/// Runs `work` in a writing session that is rolled back whatever `work` returns.
///
/// # Errors
/// Those of `work`.
pub async fn rolled_back<T, E>(
    database: &Database,
    context: &RequestContext,
    work: impl AsyncFnOnce(&Session) -> Result<T, E>,
) -> Result<T, E>
where
    E: From<Error>,
{
    let session = database.begin(context)?;
    let result = work(&session).await;
    session.rollback().await?;
    result
}
