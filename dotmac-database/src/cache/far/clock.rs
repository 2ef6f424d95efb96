//! `Clocks`: what the time is at Redis, as its last answer told it.
//!
//! Values end by the clock of the server that has them, and a plain read does not tell it: two commands are two
//! packets. So the time goes on here from an answer that did, for a second; then a script is asked, which tells
//! it with its answer. The clock of this machine, which may be any other, is never compared with an end.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ahash::AHashMap;

/// For so long the time goes on here.
const GOOD_FOR: Duration = Duration::from_secs(1);
/// So many clocks are remembered; then all are forgotten.
const MOST: usize = 10_000;

/// The clocks of servers, by what is read from them.
#[derive(Default)]
pub struct Clocks(Mutex<AHashMap<Box<str>, Reading>>);

/// A time in ms since 1970, at some moment after `asked`.
#[derive(Clone, Copy)]
pub struct Reading {
    asked: Instant,
    time: i64,
}

impl Clocks {
    /// The clock of a server; `None` where it did not tell the time for too long.
    pub fn of(&self, server: &str) -> Option<Reading> {
        let readings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let reading = *readings.get(server)?;
        (reading.asked.elapsed() <= GOOD_FOR).then_some(reading)
    }

    /// An answer to what was asked at that moment told the time.
    pub fn learn(&self, server: &str, asked: Instant, time: i64) {
        let mut readings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reading) = readings.get_mut(server) {
            *reading = Reading { asked, time };
            return;
        }
        if readings.len() >= MOST {
            readings.clear();
        }
        readings.insert(server.into(), Reading { asked, time });
    }
}

impl Reading {
    /// The time now: never before the true one, and after it by no more than the round trip that told it.
    pub fn now(self) -> i64 {
        self.at(Instant::now())
    }

    fn at(self, now: Instant) -> i64 {
        let since = now.saturating_duration_since(self.asked).as_millis();
        // Rounded up: an end is met too early rather than too late.
        let since = i64::try_from(since).map_or(i64::MAX, |since| since.saturating_add(1));
        self.time.saturating_add(since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_goes_on_from_when_it_was_asked_for_and_is_forgotten_after_a_second() {
        let asked = Instant::now();
        let reading = Reading { asked, time: 5_000 };
        assert_eq!(reading.at(asked), 5_001);
        assert_eq!(reading.at(asked + Duration::from_millis(700)), 5_701);
        let clocks = Clocks::default();
        clocks.learn("acme", asked, 5_000);
        assert!(clocks.of("acme").is_some());
        clocks.learn("acme", asked - GOOD_FOR - Duration::from_millis(1), 5_000);
        assert!(clocks.of("acme").is_none());
    }

    #[test]
    fn each_server_has_a_clock_of_its_own() {
        let clocks = Clocks::default();
        assert!(clocks.of("acme").is_none());
        clocks.learn("acme", Instant::now(), 1_000_000);
        clocks.learn("beta", Instant::now(), 2_000_000);
        assert!(clocks.of("acme").is_some_and(|it| it.now() < 1_500_000));
        assert!(clocks.of("beta").is_some_and(|it| it.now() > 1_500_000));
        for at in 0..MOST {
            clocks.learn(&at.to_string(), Instant::now(), 1);
        }
        assert!(clocks.of("acme").is_none(), "there is room for so many");
    }
}
