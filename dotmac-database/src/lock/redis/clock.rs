//! `ServerClock`: what is known here of the server's clock, so that a request can say when it is too late.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// One clock may be slower than the other by one part in so many: NTP corrects a clock's speed by so much.
const SLOWER: u32 = 2_000;

/// The clock of a server: it was read, and the answer came here later.
///
/// What is said of it is never later than what it shows, for as long as it is not set back. So whoever stops
/// waiting at `deadline` knows that the server refuses what comes after it. Where the server was changed, its
/// clock set forward, or nothing heard of it for some minutes, a request may be refused though it is in time:
/// the refusal tells the time.
#[derive(Default)]
pub struct ServerClock(Mutex<Option<Reading>>);

#[derive(Clone, Copy)]
struct Reading {
    micros: i64,
    heard: Instant,
}

impl ServerClock {
    /// It showed so many microseconds, a while before now.
    pub fn learn(&self, micros: i64) {
        let heard = Instant::now();
        *self.reading() = Some(Reading { micros, heard });
    }

    /// What it shows in so long, or a little less; 0 where nothing is known, which is too late for the server.
    pub fn deadline(&self, within: Duration) -> i64 {
        let Some(Reading { micros, heard }) = *self.reading() else {
            return 0;
        };
        let since = heard.elapsed();
        let since = since.saturating_sub(since / SLOWER).saturating_add(within);
        micros.saturating_add(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    fn reading(&self) -> MutexGuard<'_, Option<Reading>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn l04_a_deadline_is_never_later_than_the_servers_clock() {
        let clock = ServerClock::default();
        let within = Duration::from_millis(250);
        assert_eq!(clock.deadline(within), 0);
        clock.learn(1_000_000);
        assert_eq!(clock.deadline(within), 1_250_000);
        tokio::time::advance(Duration::from_secs(100)).await;
        // It may have been slower by 50 ms.
        assert_eq!(clock.deadline(within), 101_200_000);
        clock.learn(2_000_000);
        assert_eq!(clock.deadline(within), 2_250_000, "it was set back");
    }
}
