//! The way of an acquisition: a turn in this process, then attempts where the lock is kept.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::backend::Bid;
use super::core::Core;
use super::guard::LockGuard;
use crate::error::{Error, Result};

/// Takes a lock before the deadline; `None` where it is another's until then.
///
/// # Cancel safety
/// An attempt that is under way goes on as a task of its own, and gives back what it gets.
pub async fn acquire(
    core: &Arc<Core>,
    bid: Bid,
    max_hold: Option<Duration>,
    deadline: Instant,
) -> Result<Option<LockGuard>> {
    let Some(mut turn) = core.turns.take(&bid.name, deadline).await? else {
        return Ok(None);
    };
    loop {
        let (task, owned) = (Arc::clone(core), bid.clone());
        let attempt = async move {
            let attempted = task.attempt(&owned, max_hold, turn, deadline).await?;
            // A guard that nobody takes any more gives the lock back.
            Ok::<_, Error>(attempted.map(|lease| LockGuard::new(task, lease)))
        };
        let attempted = match core.tasks.spawn(attempt).await {
            Ok(attempted) => attempted?,
            // It panicked, or its runtime ends.
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => return Ok(None),
            },
        };
        turn = match attempted {
            Ok(guard) => return Ok(Some(guard)),
            Err(turn) => turn,
        };
        if deadline <= Instant::now() {
            return Ok(None);
        }
        let changed = core.backend.changed(&bid);
        if timeout_at(deadline, changed).await.is_err() {
            return Ok(None);
        }
    }
}
