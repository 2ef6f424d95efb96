//! How often, and after what delays.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use tokio::time::Instant;

/// Beyond this the arithmetic of delays could overflow.
const LONGEST_DELAY: Duration = Duration::from_secs(3600);

/// How often a unit of work runs again after a conflict, and after what delays.
///
/// | setting | default |
/// |---|---|
/// | [`retries`](Self::retries) | 4, after the first attempt |
/// | [`delays`](Self::delays) | from 10 ms, doubling, up to 1 s |
/// | [`time_limit`](Self::time_limit) | 10 s |
///
/// Each delay is lengthened by a random part of up to its own length, so that units that met once do
/// not meet again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    retries: u32,
    shortest: Duration,
    longest: Duration,
    time_limit: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        RetryPolicy {
            retries: 4,
            shortest: Duration::from_millis(10),
            longest: Duration::from_secs(1),
            time_limit: Duration::from_secs(10),
        }
    }
}

impl RetryPolicy {
    /// How often the unit runs again after its first attempt; 0 is once only.
    #[must_use]
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// The first delay, which doubles with each retry, and the longest, both without the random part;
    /// at most an hour.
    #[must_use]
    pub fn delays(mut self, shortest: Duration, longest: Duration) -> Self {
        self.longest = longest.min(LONGEST_DELAY);
        self.shortest = shortest.min(self.longest);
        self
    }

    /// The time from the beginning of the first attempt after which no other one begins. An attempt
    /// that runs is not interrupted.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Begins the first attempt.
    pub(super) fn begin(&self) -> Attempts {
        Attempts {
            delays: self.backoff(),
            number: 1,
            deadline: Instant::now().checked_add(self.time_limit),
        }
    }

    fn backoff(&self) -> Delays {
        ExponentialBuilder::new()
            .with_jitter()
            .with_min_delay(self.shortest)
            .with_max_delay(self.longest)
            .with_max_times(usize::try_from(self.retries).unwrap_or(usize::MAX))
            .build()
    }
}

type Delays = <ExponentialBuilder as BackoffBuilder>::Backoff;

/// The attempts at one unit of work.
pub(super) struct Attempts {
    delays: Delays,
    number: u32,
    /// None where it lies beyond all time.
    deadline: Option<Instant>,
}

impl Attempts {
    /// The delay before the next attempt, after this one met a conflict; none where it was the last.
    pub(super) fn conflict(&mut self) -> Option<Duration> {
        let number = self.number;
        let delay = self.delays.next().filter(|delay| self.has_time(*delay));
        match delay {
            Some(delay) => {
                tracing::debug!(
                    attempt = number,
                    ?delay,
                    "a unit of work met a conflict, and will run again"
                );
            }
            None => {
                tracing::warn!(
                    attempts = number,
                    "a unit of work met a conflict in each attempt, and is given up"
                );
            }
        }
        self.number = number.saturating_add(1);
        delay
    }

    fn has_time(&self, delay: Duration) -> bool {
        let Some(deadline) = self.deadline else {
            return true;
        };
        delay < deadline.saturating_duration_since(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs attempts that take `each` and meet a conflict: how many, and how long all took.
    async fn run(policy: RetryPolicy, each: Duration) -> (u32, Duration) {
        let started = Instant::now();
        let mut attempts = policy.begin();
        loop {
            tokio::time::sleep(each).await;
            let number = attempts.number;
            match attempts.conflict() {
                Some(delay) => tokio::time::sleep(delay).await,
                None => return (number, started.elapsed()),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn retries_and_delays_are_bounded() {
        let milliseconds = Duration::from_millis;
        let policy = RetryPolicy::default()
            .retries(3)
            .delays(milliseconds(100), milliseconds(200));
        let (attempts, took) = run(policy, Duration::ZERO).await;
        assert_eq!(attempts, 4);
        // 100 + 200 + 200, and at most as much again; the clock ticks in milliseconds.
        assert!(took >= milliseconds(500), "{took:?}");
        assert!(took <= milliseconds(1_003), "{took:?}");
        let (attempts, took) = run(policy.retries(0), Duration::ZERO).await;
        assert_eq!((attempts, took), (1, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn no_attempt_begins_after_the_time_limit() {
        let second = Duration::from_secs(1);
        let policy = RetryPolicy::default()
            .retries(u32::MAX)
            .time_limit(3 * second);
        let (attempts, took) = run(policy, second).await;
        assert_eq!(attempts, 3);
        assert!(took < 4 * second, "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn endless_delays_are_cut_to_an_hour() {
        let policy = RetryPolicy::default()
            .delays(Duration::MAX, Duration::MAX)
            .time_limit(Duration::MAX)
            .retries(2);
        let (attempts, took) = run(policy, Duration::ZERO).await;
        assert_eq!(attempts, 3);
        assert!(
            took <= 4 * LONGEST_DELAY + Duration::from_secs(1),
            "{took:?}"
        );
    }
}
