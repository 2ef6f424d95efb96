//! Several statements, all or nothing.

use sea_orm::{ConnectionTrait, ExecResult, Statement};

use super::handle::Session;
use crate::error::{Error, Result};

impl Session {
    /// Runs the statements one after the other inside a savepoint: all of them, or none.
    ///
    /// Anything that SeaORM builds is a statement: `Entity::insert(…).build(tx.backend())`. Hooks do
    /// not run for what is built. The savepoint travels with the first statement, and is released with
    /// the next one of the session: a batch of n statements is n + 1 round trips, or n where it opens
    /// the transaction as well.
    ///
    /// # Errors
    /// [`Error::Batch`] says which statement failed, and has the kind of its source. The batch is
    /// undone then, and the session is usable. [`Error::Busy`] and [`Error::Aborted`] where the
    /// session could take no statement in the first place.
    ///
    /// # Cancel safety
    /// Dropping the future undoes the batch, and leaves the session usable; dropped while its first
    /// statement opens the savepoint, the whole unit of work is [`Error::InDoubt`].
    pub async fn batch(
        &self,
        statements: impl IntoIterator<Item = Statement>,
    ) -> Result<Vec<ExecResult>> {
        let nested = self.nested()?;
        let mut results = Vec::new();
        for (index, statement) in statements.into_iter().enumerate() {
            let result = nested.execute_raw(statement).await;
            results.push(result.map_err(|error| Error::Batch {
                index,
                source: Box::new(error.into()),
            })?);
        }
        nested.commit().await?;
        Ok(results)
    }
}
