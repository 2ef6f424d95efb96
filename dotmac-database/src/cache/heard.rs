//! How many invalidations of each home were heard of, and whether that is all of them.

use std::collections::HashMap;

use super::far::Count;

/// So many homes are remembered; then all are forgotten, and what is kept here with them.
const MAX_HOMES: usize = 100_000;

/// What was heard of, up to where nothing is missing.
#[derive(Default)]
pub struct Counts(HashMap<Box<str>, Count>);

/// What follows for the values of the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was missed.
    Whole,
    /// It is heard of for the first time: what was before is not known.
    Unknown,
    /// Something was missed.
    Gap,
    /// More homes than can be remembered: nothing is known any more.
    TooMany,
}

impl Counts {
    /// A message came with its count.
    pub fn heard(&mut self, home: &str, now: ([u8; 16], u64)) -> Verdict {
        let before = self.0.get(home).copied();
        match before {
            // It is twice, or late: what is between was given up already.
            Some(Some((name, count))) if name == now.0 && now.1 <= count => return Verdict::Whole,
            _ => {}
        }
        if before.is_none() && self.0.len() >= MAX_HOMES {
            return Verdict::TooMany;
        }
        self.0.insert(home.into(), Some(now));
        match before {
            None => Verdict::Unknown,
            Some(Some((name, count))) if (name, count + 1) == now => Verdict::Whole,
            Some(None) if now.1 == 1 => Verdict::Whole,
            Some(_) => Verdict::Gap,
        }
    }

    /// Redis was asked for the count.
    pub fn compare(&mut self, home: &str, now: Count) -> Verdict {
        let before = self.0.get(home).copied();
        match (before, now) {
            // More was heard since it was asked.
            (Some(Some((name, heard))), Some((same, count))) if name == same && heard >= count => {
                return Verdict::Whole;
            }
            (Some(before), now) if before == now => return Verdict::Whole,
            (None, _) if self.0.len() >= MAX_HOMES => return Verdict::TooMany,
            _ => {}
        }
        self.0.insert(home.into(), now);
        match before {
            None => Verdict::Unknown,
            Some(_) => Verdict::Gap,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: [u8; 16] = [1; 16];
    const TWO: [u8; 16] = [2; 16];

    #[test]
    fn c18_a_gap_is_noticed_and_what_comes_twice_or_late_is_none() {
        let mut counts = Counts::default();
        let mut heard = |count| counts.heard("acme", (ONE, count));
        assert_eq!(heard(7), Verdict::Unknown, "the first of this connection");
        assert_eq!(heard(8), Verdict::Whole);
        assert_eq!(heard(8), Verdict::Whole, "twice");
        assert_eq!(heard(10), Verdict::Gap);
        assert_eq!(heard(9), Verdict::Whole, "late");
        assert_eq!(heard(11), Verdict::Whole);
        assert_eq!(counts.heard("acme", (TWO, 12)), Verdict::Gap, "anew");
        assert_eq!(counts.heard("beta", (TWO, 1)), Verdict::Unknown);
    }

    #[test]
    fn c18_a_count_that_is_asked_for_tells_of_what_was_lost() {
        let mut counts = Counts::default();
        assert_eq!(counts.compare("acme", None), Verdict::Unknown);
        assert_eq!(counts.compare("acme", None), Verdict::Whole);
        assert_eq!(counts.heard("acme", (ONE, 1)), Verdict::Whole);
        assert_eq!(counts.compare("acme", Some((ONE, 2))), Verdict::Gap);
        assert_eq!(counts.heard("acme", (ONE, 2)), Verdict::Whole, "late");
        assert_eq!(counts.heard("acme", (ONE, 3)), Verdict::Whole);
        assert_eq!(
            counts.compare("acme", Some((ONE, 2))),
            Verdict::Whole,
            "more was heard since"
        );
        assert_eq!(counts.compare("acme", None), Verdict::Gap, "it was emptied");
        assert_eq!(counts.compare("acme", Some((TWO, 4))), Verdict::Gap);
    }

    #[test]
    fn more_homes_than_can_be_remembered_are_none() {
        let mut counts = Counts::default();
        for at in 0..MAX_HOMES {
            counts.heard(&at.to_string(), (ONE, 1));
        }
        assert_eq!(counts.heard("one more", (ONE, 1)), Verdict::TooMany);
        assert_eq!(counts.compare("one more", None), Verdict::TooMany);
        assert_eq!(counts.heard("7", (ONE, 2)), Verdict::Whole);
    }
}
