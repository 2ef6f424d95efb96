//! The way of an acquisition: a turn in this process, then attempts where the lock is kept.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::backend::Bid;
use super::core::Core;
use super::guard::LockGuard;
use super::turn::Turn;
use crate::error::Result;
use crate::session::Shield;

/// An attempt may last a second; one that is not answered long after that is left to itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// Takes a lock before the deadline; `None` where it is another's until then.
///
/// # Cancel safety
/// An attempt that is under way goes on as a task of its own, and what it gets is given back.
pub async fn acquire(
    core: &Arc<Core>,
    bid: Bid,
    max_hold: Option<Duration>,
    deadline: Instant,
) -> Result<Option<LockGuard>> {
    let span = tracing::debug_span!(
        "dotmac.lock.acquire",
        "otel.kind" = "client",
        "otel.status_code" = Empty,
        "lock.name" = bid.name.name(),
        "lock.keeper" = core.backend.keeper(),
        "lock.outcome" = Empty,
        "tenant.id" = bid.name.owner().tenant().map(|tenant| tenant.as_str()),
    );
    let asked = Instant::now();
    let acquired = wait(core, bid, max_hold, deadline)
        .instrument(span.clone())
        .await;
    core.tally.asked(&acquired, asked.elapsed());
    tell(&span, &acquired);
    acquired
}

fn tell(span: &Span, acquired: &Result<Option<LockGuard>>) {
    let outcome = match acquired {
        Ok(Some(_)) => "acquired",
        Ok(None) => "timed_out",
        Err(_) => {
            span.record("otel.status_code", "ERROR");
            "failed"
        }
    };
    span.record("lock.outcome", outcome);
}

async fn wait(
    core: &Arc<Core>,
    bid: Bid,
    max_hold: Option<Duration>,
    deadline: Instant,
) -> Result<Option<LockGuard>> {
    let Some(turn) = core.turns.take(&bid.name, deadline).await? else {
        core.tally.contended();
        return Ok(None);
    };
    let mut is_contended = turn.was_waited_for();
    if is_contended {
        core.tally.contended();
    }
    let mut asker = Asker {
        core: Arc::clone(core),
        bid: bid.clone(),
        turn: Some(turn),
    };
    loop {
        asker = match ask(asker, max_hold, deadline).await? {
            Ok(guard) => return Ok(Some(guard)),
            Err(asker) => asker,
        };
        if !std::mem::replace(&mut is_contended, true) {
            core.tally.contended();
        }
        if deadline <= Instant::now() {
            return Ok(None);
        }
        let changed = core.backend.changed(&bid);
        if timeout_at(deadline, changed).await.is_err() {
            return Ok(None);
        }
    }
}

/// Asks once, to the end also where the caller goes away: a guard that nobody takes any more gives the lock back.
async fn ask(
    asker: Asker,
    max_hold: Option<Duration>,
    deadline: Instant,
) -> Result<std::result::Result<LockGuard, Asker>> {
    let (core, name) = (Arc::clone(&asker.core), asker.bid.name.clone());
    let attempt = asker.attempt(max_hold, deadline);
    let attempt = Shield::new(attempt.in_current_span());
    let patience = deadline.max(Instant::now()) + PATIENCE;
    let attempted = timeout_at(patience, attempt).await;
    attempted.unwrap_or_else(|_| Err(core.is_silent(Some(&name))))
}

/// Who asks, and tells where the lock is kept if it leaves without it.
struct Asker {
    core: Arc<Core>,
    bid: Bid,
    /// None once it has the lock, or has failed.
    turn: Option<Turn>,
}

impl Asker {
    async fn attempt(
        mut self,
        max_hold: Option<Duration>,
        deadline: Instant,
    ) -> Result<std::result::Result<LockGuard, Self>> {
        let Some(turn) = self.turn.take() else {
            return Ok(Err(self));
        };
        let attempted = self.core.attempt(&self.bid, max_hold, turn, deadline);
        Ok(match attempted.await? {
            Ok(lease) => Ok(LockGuard::new(Arc::clone(&self.core), lease)),
            Err(turn) => {
                self.turn = Some(turn);
                Err(self)
            }
        })
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        if self.turn.is_some() {
            self.core.backend.leave(&self.bid);
        }
    }
}
