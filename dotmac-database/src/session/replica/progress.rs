//! Which instant of the primary a replica shows, from samples of the primary's log.

use std::collections::VecDeque;

use super::clock::Micros;

/// A position in the log of the primary, in bytes.
pub type Lsn = i64;

/// Several minutes of constant writing. What is forgotten makes a replica look further behind.
const MAX_SAMPLES: usize = 1024;

/// The samples; both numbers grow.
#[derive(Default)]
pub struct Progress(VecDeque<(Micros, Lsn)>);

impl Progress {
    /// Everything that was committed before `at` is in the log before `lsn`.
    pub fn sample(&mut self, at: Micros, lsn: Lsn) {
        match self.0.back_mut() {
            Some((last, written)) if *written == lsn => *last = at,
            // Another primary, or one restored: what was sampled says nothing about it.
            Some((_, written)) if *written > lsn => {
                self.0.clear();
                self.0.push_back((at, lsn));
            }
            _ => self.0.push_back((at, lsn)),
        }
        if self.0.len() > MAX_SAMPLES {
            self.0.pop_front();
        }
    }

    /// Forgets everything, because another primary answers.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The latest instant all of whose commits are in what was `replayed`.
    pub fn reached(&self, replayed: Lsn) -> Option<Micros> {
        let after = self.0.partition_point(|(_, lsn)| *lsn <= replayed);
        let at = after.checked_sub(1)?;
        self.0.get(at).map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replica_has_reached_the_last_sample_that_it_replayed() {
        let mut progress = Progress::default();
        for (at, lsn) in [(1, 10), (2, 20), (3, 20), (4, 30)] {
            progress.sample(at, lsn);
        }
        let reached = [9, 10, 19, 20, 29, 30, 99].map(|lsn| progress.reached(lsn));
        let expected = [None, Some(1), Some(1), Some(3), Some(3), Some(4), Some(4)];
        assert_eq!(reached, expected);
    }

    #[test]
    fn primary_that_went_back_starts_anew() {
        let mut progress = Progress::default();
        progress.sample(1, 30);
        progress.sample(2, 20);
        assert_eq!(progress.reached(40), Some(2));
        assert_eq!(progress.reached(19), None);
    }

    #[test]
    fn memory_is_bounded_and_forgetting_makes_nobody_look_ahead() {
        let mut progress = Progress::default();
        for n in 0..5_000 {
            progress.sample(n, n.cast_signed());
        }
        assert_eq!(progress.0.len(), MAX_SAMPLES);
        assert_eq!(progress.reached(10), None);
        assert_eq!(progress.reached(4_999), Some(4_999));
    }
}
