//! Savepoints by name inside a session.
//!
//! A name never reaches SQL: it is looked up among the session's levels, and the savepoint is named by
//! the level's id. So any text is a name, and none meets that of another session.

use super::handle::Session;
use crate::error::Result;

impl Session {
    /// Sets a savepoint, to which [`roll_back_to`](Self::roll_back_to) returns.
    ///
    /// It is sent with the next statement. Any text is a name; the same name again hides the earlier
    /// savepoint until the later one is released, as in SQL. A savepoint belongs to its session: a
    /// nested one neither sees nor hides it, and the end of the session is its end.
    ///
    /// ```
    /// # use dotmac_database::prelude::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// # let db = dotmac_database::testing::in_memory().await?;
    /// # let context = RequestContext::without_tenant();
    /// # use sea_orm::ConnectionTrait;
    /// db.write(&context, async |tx| {
    ///     tx.savepoint("import")?;
    ///     if tx.execute_unprepared("INSERT INTO nowhere VALUES (1)").await.is_err() {
    ///         tx.roll_back_to("import")?; // the session is usable again
    ///     }
    ///     tx.execute_unprepared("SELECT 1").await
    /// })
    /// .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Aborted`](crate::Error::Aborted) after a failed statement;
    /// [`Error::Busy`](crate::Error::Busy) while a nested session or a stream is open.
    pub fn savepoint(&self, name: &str) -> Result<()> {
        self.unit().ledger().mark(self.level(), name)
    }

    /// Undoes what the session did since the savepoint, also after a failed statement, whose session
    /// takes statements again from there on. The savepoint stays.
    ///
    /// It is sent with the next statement. Actions after commit that were added since the savepoint do
    /// not run, and savepoints after it are gone.
    ///
    /// # Errors
    /// [`Error::UnknownSavepoint`](crate::Error::UnknownSavepoint);
    /// [`Error::Busy`](crate::Error::Busy) while a nested session or a stream is open;
    /// [`Error::InDoubt`](crate::Error::InDoubt) where the connection was given up.
    pub fn roll_back_to(&self, name: &str) -> Result<()> {
        let never = self.unit().ledger().roll_back_to(self.level(), name)?;
        // The ledger is free again: an action may own a session of this unit.
        drop(never);
        Ok(())
    }

    /// Gives the savepoint up, and those after it; what was done since stays.
    ///
    /// It is sent with the next statement, which also asserts the context again, and not at all
    /// before COMMIT.
    ///
    /// # Errors
    /// As [`roll_back_to`](Self::roll_back_to), and [`Error::Aborted`](crate::Error::Aborted) after a
    /// failed statement: roll back to the savepoint first.
    pub fn release(&self, name: &str) -> Result<()> {
        self.unit().ledger().release(self.level(), name)
    }
}
