//! The task that connects a database, whoever still waits for it.

use std::sync::Arc;

use tokio::sync::watch;

use super::api::Inner;
use super::expiry;
use super::shelf::Outcome;
use crate::error::{Error, Result};
use crate::session::{Database, Holder};
use crate::tenancy::DatabaseName;

/// Closes `given_up`, whose place it takes, connects, and tells who waits.
pub async fn run(
    inner: Arc<Inner>,
    name: DatabaseName,
    sender: watch::Sender<Outcome>,
    given_up: Option<Database>,
) {
    let reserved = Reserved { inner, name };
    if let Some(given_up) = given_up {
        reserved.inner.tally.evicted.add();
        expiry::close(given_up).await;
    }
    let outcome = reserved.connect().await;
    match &outcome {
        Ok(_) => reserved.inner.tally.connected.add(),
        Err(error) => {
            reserved.inner.tally.failed.add();
            tracing::warn!(%error, database = %reserved.name, "a database cannot be connected");
        }
    }
    // Before whoever waits is told, so that the next one tries again.
    drop(reserved);
    sender.send_replace(Some(outcome));
}

/// A place on the shelf that is given up unless a database is put into it.
struct Reserved {
    inner: Arc<Inner>,
    name: DatabaseName,
}

impl Reserved {
    async fn connect(&self) -> Result<Database> {
        let config = (self.inner.configure)(&self.name)?;
        let followers = Arc::clone(&self.inner.followers);
        let db = Database::connect_followed(config, followers).await?;
        if let Some(held) = self.put(&db) {
            expiry::start(&self.inner);
            return Ok(held);
        }
        expiry::close(db).await;
        Err(Error::Closed)
    }

    /// The handle of a database that has its place; none where all are being closed.
    fn put(&self, db: &Database) -> Option<Database> {
        let mut shelf = self.inner.shelf();
        let holder = Holder::new(&self.inner.freed);
        (!shelf.closing).then(|| shelf.put(self.name.clone(), db.clone(), holder))
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.inner.shelf().cancel(&self.name);
        self.inner.freed.notify_waiters();
    }
}
