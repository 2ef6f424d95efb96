//! `Patience`: how often a request is asked again, when its answer is lost or the server is changing.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::time::{Instant, sleep};

use crate::redis::{Fault, Redis};

/// The patience of one request.
pub struct Patience {
    redis: Redis,
    until: Instant,
    pauses: ExponentialBackoff,
    /// Why nobody heard the answer of an attempt that may have run.
    lost: Option<Fault>,
}

/// The end of patience.
pub struct Unanswered {
    pub fault: Fault,
    pub may_have_run: bool,
}

impl Patience {
    /// For so long.
    pub fn new(redis: &Redis, lasts: Duration) -> Self {
        Patience {
            redis: redis.clone(),
            until: Instant::now() + lasts,
            pauses: backoff(),
            lost: None,
        }
    }

    /// Why nobody heard the answer of an earlier attempt, which may have run.
    pub fn lost_answer(&self) -> Option<&Fault> {
        self.lost.as_ref()
    }

    /// Returns when it is time to ask again, if that may help.
    pub async fn bear(&mut self, fault: Fault) -> Result<(), Unanswered> {
        if fault.may_have_run() {
            self.lost = Some(fault.clone());
        }
        let pause = self.pauses.next().unwrap_or_default();
        // While nothing is sent, nobody waits.
        let is_hopeless = !fault.may_pass() || self.redis.is_held_back();
        if is_hopeless || self.until <= Instant::now() + pause {
            return Err(Unanswered {
                fault,
                may_have_run: self.lost.is_some(),
            });
        }
        sleep(pause).await;
        Ok(())
    }
}

/// Pauses without end; a connection that was lost is back after some of them.
pub fn backoff() -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(20))
        .with_max_delay(Duration::from_secs(1))
        .without_max_times()
        .with_jitter()
        .build()
}
