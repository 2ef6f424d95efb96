//! Instants as numbers, which fit into an atomic.

use std::time::{Duration, Instant};

/// Microseconds since the clock was made, and one: 0 is before any instant.
pub type Micros = u64;

/// A monotonic clock.
#[derive(Clone, Copy)]
pub struct Clock(Instant);

impl Clock {
    pub fn start() -> Self {
        Clock(Instant::now())
    }

    pub fn now(&self) -> Micros {
        micros(self.0.elapsed()).saturating_add(1)
    }
}

pub fn micros(duration: Duration) -> Micros {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
