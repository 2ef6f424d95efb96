//! Closes databases that nobody has used for long.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::future::join_all;

use super::api::Inner;
use crate::session::Database;

/// How long a database that nobody uses may take to close: connections outside of sessions are left to
/// their users then.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// How often the task looks, at most and at least.
const PACE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(60));

/// Starts the task, once; it ends with the databases.
pub fn start(inner: &Arc<Inner>) {
    if let Some(timeout) = inner.limits.idle_timeout {
        inner.expiry.get_or_init(|| {
            let task = tokio::spawn(run(Arc::downgrade(inner), timeout));
            task.abort_handle()
        });
    }
}

async fn run(inner: Weak<Inner>, timeout: Duration) {
    let pace = (timeout / 4).clamp(PACE.0, PACE.1);
    loop {
        tokio::time::sleep(pace).await;
        let Some(inner) = inner.upgrade() else {
            return;
        };
        let expired = inner.shelf().expired(timeout);
        for _ in &expired {
            inner.tally.expired.add();
        }
        if !expired.is_empty() {
            inner.freed.notify_waiters();
        }
        drop(inner);
        join_all(expired.into_iter().map(close)).await;
    }
}

/// Closes a database that was taken off the shelf while nobody used it.
pub async fn close(db: Database) {
    let closed = db.close_within(CLOSE_LIMIT).await;
    if closed.cut_off > 0 {
        tracing::warn!(
            cut_off = closed.cut_off,
            "rollbacks in a database that nobody uses did not end in time"
        );
    }
}
