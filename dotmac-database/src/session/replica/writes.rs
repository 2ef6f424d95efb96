//! When which context wrote last, in bounded memory and without a lock.
//!
//! Contexts share places by their hash. One that shares with another's write reads the primary for a
//! moment longer than it had to, and never the other way round.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use super::clock::Micros;
use crate::context::RequestContext;

/// Half a mebibyte; ten thousand writers in one replication lag meet by chance one time in seven.
const PLACES: usize = 1 << 16;

/// The instants of the last writes.
pub struct Writes {
    places: Box<[AtomicU64]>,
    hasher: RandomState,
}

impl Writes {
    pub fn new() -> Self {
        Writes {
            places: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
        }
    }

    /// The context's COMMIT was answered at `now`, or before.
    pub fn note(&self, context: &RequestContext, now: Micros) {
        if let Some(place) = self.place(context) {
            // A sample within the same microsecond may be older: only one after it counts.
            place.fetch_max(now.saturating_add(1), Ordering::AcqRel);
        }
    }

    /// The instant that a replica must have reached to show the context its own writes.
    pub fn last(&self, context: &RequestContext) -> Micros {
        self.place(context)
            .map_or(0, |place| place.load(Ordering::Acquire))
    }

    fn place(&self, context: &RequestContext) -> Option<&AtomicU64> {
        let tenant = context.tenant_id().map(|id| id.as_str());
        let writer = (tenant, context.user_id(), context.session());
        let hash = self.hasher.hash_one(writer);
        usize::try_from(hash % PLACES as u64)
            .ok()
            .and_then(|at| self.places.get(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(user: &str) -> RequestContext {
        RequestContext::tenant("acme")
            .and_then(|context| context.user(user))
            .expect("valid")
    }

    #[test]
    fn write_counts_for_its_user_and_not_for_most_others() {
        let writes = Writes::new();
        writes.note(&context("ada"), 7);
        assert_eq!(writes.last(&context("ada")), 8);
        let others = (0..1000).map(|n| context(&format!("user-{n}")));
        let touched = others.filter(|it| writes.last(it) != 0).count();
        assert!(touched < 10, "{touched} of 1000");
    }

    #[test]
    fn older_write_that_comes_late_changes_nothing() {
        let writes = Writes::new();
        writes.note(&context("ada"), 7);
        writes.note(&context("ada"), 5);
        assert_eq!(writes.last(&context("ada")), 8);
    }

    #[test]
    fn request_id_does_not_make_another_writer() {
        let writes = Writes::new();
        writes.note(&context("ada"), 7);
        let next = context("ada").request_id("r-2").expect("valid");
        assert_eq!(writes.last(&next), 8);
    }
}
