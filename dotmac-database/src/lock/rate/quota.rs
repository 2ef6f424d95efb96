//! `Rate`, and the formula that says whether a call is within it.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::{LockError, Result};

/// So that a microsecond, to which intervals are rounded up, is a hundredth of one at most.
const LEAST_INTERVAL: Duration = Duration::from_micros(100);
const MOST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// How many calls may pass in a time: evenly, with a burst after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// For how long one call uses it.
    interval: Duration,
    burst: u32,
}

/// Whether a call is within its rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may pass, and was counted.
    Allowed {
        /// How many more could pass now.
        remaining: u32,
    },
    /// It may not pass, and was not counted.
    Denied {
        /// When it may, if no other one does before: rounded up to a microsecond.
        retry_after: Duration,
    },
}

impl Verdict {
    /// Whether it may pass.
    pub fn is_allowed(self) -> bool {
        matches!(self, Verdict::Allowed { .. })
    }
}

impl Rate {
    /// So many calls in that time, which may also come all at once after as long a pause.
    ///
    /// One call uses the rate for `per / calls`, rounded up to a microsecond.
    ///
    /// # Errors
    /// [`LockError::InvalidRate`] for less than a call in 366 days, or more than 10,000 in a second.
    pub fn new(calls: u32, per: Duration) -> Result<Self> {
        let interval = per.checked_div(calls);
        let Some(interval) = interval.filter(|interval| LEAST_INTERVAL <= *interval) else {
            return Err(LockError::InvalidRate.into());
        };
        let micros = interval.as_nanos().div_ceil(1_000);
        let micros = u64::try_from(micros).unwrap_or(u64::MAX);
        let interval = Duration::from_micros(micros);
        Rate { interval, burst: 1 }.with_burst(calls)
    }

    /// So many calls in a second.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn per_second(calls: u32) -> Result<Self> {
        Rate::new(calls, Duration::from_secs(1))
    }

    /// So many calls in a minute.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn per_minute(calls: u32) -> Result<Self> {
        Rate::new(calls, Duration::from_secs(60))
    }

    /// With another burst: as many calls as may come at once after a pause.
    ///
    /// # Errors
    /// [`LockError::InvalidRate`] for none, or for one that takes more than 366 days to come back.
    pub fn with_burst(self, burst: u32) -> Result<Self> {
        let full = self.interval.checked_mul(burst);
        let fits = burst > 0 && full.is_some_and(|full| full <= MOST);
        match fits {
            true => Ok(Rate { burst, ..self }),
            false => Err(LockError::InvalidRate.into()),
        }
    }

    /// How many calls may come at once.
    pub fn burst(self) -> u32 {
        self.burst
    }

    /// For how long one call uses it.
    pub fn interval(self) -> Duration {
        self.interval
    }

    /// Whether a call of that cost may pass, and when the rate is unused again if it does.
    ///
    /// The generic cell rate algorithm (ITU-T I.371, Annex A; explained in
    /// [Rate limiting, cells, and GCRA](https://brandur.org/rate-limiting)): one instant says all, that at
    /// which the calls so far would have come had they kept the rate. `gcra.lua` does the same.
    pub(super) fn decide(self, unused: Instant, now: Instant, cost: u32) -> (Verdict, Instant) {
        let full = self.interval * self.burst;
        let used = unused.saturating_duration_since(now).min(full);
        let after = used + self.interval * cost;
        match full.checked_sub(after) {
            Some(left) => {
                let remaining = left.as_nanos() / self.interval.as_nanos().max(1);
                let remaining = u32::try_from(remaining).unwrap_or(u32::MAX);
                (Verdict::Allowed { remaining }, now + after)
            }
            None => {
                let micros = (after - full).as_nanos().div_ceil(1_000);
                let micros = u64::try_from(micros).unwrap_or(u64::MAX);
                let retry_after = Duration::from_micros(micros);
                (Verdict::Denied { retry_after }, unused)
            }
        }
    }
}
