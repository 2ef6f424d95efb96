//! One load for each key and process: the first caller starts it, and all wait for it.
//!
//! A load is a task of its own. Whoever waits may go away, and the load goes on.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::key::EncodedKey;
use super::scope::Seen;
use crate::error::Error;

/// What a load came to.
pub type Outcome<V> = Result<Landing<V>, Error>;

/// A value, or that there is none, and where it is from.
pub struct Landing<V> {
    pub value: Option<Arc<V>>,
    pub origin: Origin,
}

/// Where a value is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// From this process: another load had just ended.
    Near,
    Far,
    Loader,
    /// From Redis, and too old, because no better was to be had.
    Stale,
}

impl<V> Clone for Landing<V> {
    fn clone(&self) -> Self {
        Landing {
            value: self.value.clone(),
            origin: self.origin,
        }
    }
}

/// The loads under way.
pub struct Flights<V> {
    flights: Mutex<HashMap<Box<[u8]>, Flight<V>>>,
    next: AtomicU64,
}

struct Flight<V> {
    id: u64,
    seen: Seen,
    progress: watch::Receiver<Progress<V>>,
}

/// How far a load is.
pub enum Progress<V> {
    /// Nothing is known.
    Pending,
    /// A stale value was found in Redis, and a better one is loaded.
    Stale(Option<Arc<V>>),
    /// It has ended.
    Landed(Outcome<V>),
}

/// The end of a load that its task holds. Until it has landed, others join the load; dropped without an
/// outcome, it tells that the task died.
pub struct Pilot<V> {
    flights: Arc<Flights<V>>,
    key: Box<[u8]>,
    id: u64,
    progress: watch::Sender<Progress<V>>,
}

/// What a caller does.
pub enum Boarding<V> {
    /// Waits for a load that is under way.
    Joined(watch::Receiver<Progress<V>>),
    /// Starts one, and waits for it.
    First(Pilot<V>, watch::Receiver<Progress<V>>),
}

impl<V> Default for Flights<V> {
    fn default() -> Self {
        Flights {
            flights: Mutex::default(),
            next: AtomicU64::new(0),
        }
    }
}

impl<V> Flights<V> {
    /// Joins the load of the key, or begins one. A load that began before an invalidation is joined by
    /// nobody who comes after it; an invalidation of any tag counts, because a load may bring tags.
    pub fn board(self: &Arc<Self>, key: &EncodedKey, seen: &Seen) -> Boarding<V> {
        let mut flights = self.flights();
        if let Some(flight) = flights.get(key.whole())
            && flight.seen.is_current()
            && flight.seen.is_epoch_current()
        {
            return Boarding::Joined(flight.progress.clone());
        }
        let (sender, receiver) = watch::channel(Progress::Pending);
        let pilot = Pilot {
            flights: Arc::clone(self),
            key: key.whole().into(),
            id: self.next.fetch_add(1, Ordering::Relaxed),
            progress: sender,
        };
        let flight = Flight {
            id: pilot.id,
            seen: seen.clone(),
            progress: receiver.clone(),
        };
        flights.insert(pilot.key.clone(), flight);
        Boarding::First(pilot, receiver)
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<Box<[u8]>, Flight<V>>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V> Pilot<V> {
    /// Tells those who wait of a stale value.
    pub fn found_stale(&self, value: Option<Arc<V>>) {
        self.progress.send_replace(Progress::Stale(value));
    }

    /// Tells those who wait what the load came to. Nobody joins it from now on.
    pub fn land(&self, outcome: Outcome<V>) {
        self.leave();
        self.progress.send_replace(Progress::Landed(outcome));
    }

    fn leave(&self) {
        let mut flights = self.flights.flights();
        if flights.get(&self.key).is_some_and(|it| it.id == self.id) {
            flights.remove(&self.key);
        }
    }
}

impl<V> Drop for Pilot<V> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Waits for the end of a load; `None` where its task died.
pub async fn landed<V>(progress: &mut watch::Receiver<Progress<V>>) -> Option<Outcome<V>> {
    let landed = progress
        .wait_for(|it| matches!(it, Progress::Landed(_)))
        .await;
    match &*landed.ok()? {
        Progress::Landed(outcome) => Some(outcome.clone()),
        Progress::Pending | Progress::Stale(_) => None,
    }
}

/// The stale value that the load has found so far.
pub fn stale<V>(progress: &watch::Receiver<Progress<V>>) -> Option<Option<Arc<V>>> {
    match &*progress.borrow() {
        Progress::Stale(value) => Some(value.clone()),
        Progress::Pending | Progress::Landed(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::cache::scope::Scopes;
    use crate::context::{Global, Owner};

    /// All that can happen to the loads of one key. Each is one step under one lock (a landing leaves first,
    /// and tells then, which is no other state for those who come), so that whatever threads do is a
    /// sequence of these; a model checker of the memory would have no more to find.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Step {
        Board,
        /// The oldest load that is under way ends, or its task dies.
        Land,
        Die,
        Invalidate,
    }

    const STEPS: [Step; 4] = [Step::Board, Step::Land, Step::Die, Step::Invalidate];
    const LENGTH: u32 = 7;

    #[test]
    fn c12_in_every_order_of_events_a_caller_gets_a_load_that_is_not_older_than_the_last_invalidation()
     {
        for number in 0..STEPS.len().pow(LENGTH) {
            let mut rest = number;
            let steps = (0..LENGTH).map(|_| {
                let step = STEPS[rest % STEPS.len()];
                rest /= STEPS.len();
                step
            });
            check(&steps.collect::<Vec<_>>());
        }
    }

    fn check(steps: &[Step]) {
        let scopes = Scopes::default();
        let owner = Global.owner("orders").expect("global");
        let key = EncodedKey::new("*", &7);
        let flights = Arc::new(Flights::<usize>::default());
        // What is under way, oldest first; the load that may be joined; what each load came to.
        let mut open: Vec<(usize, Pilot<usize>)> = Vec::new();
        let mut current = None;
        let mut landed_as: Vec<Option<usize>> = Vec::new();
        let mut callers = Vec::new();
        for step in steps {
            match step {
                Step::Board => {
                    let seen = scopes.see(&owner, "orders", &key, &[]);
                    match (flights.board(&key, &seen), current) {
                        (Boarding::Joined(progress), Some(load)) => callers.push((load, progress)),
                        (Boarding::First(pilot, progress), None) => {
                            let load = landed_as.len();
                            landed_as.push(None);
                            open.push((load, pilot));
                            callers.push((load, progress));
                            current = Some(load);
                        }
                        (boarding, _) => {
                            let joined = matches!(boarding, Boarding::Joined(_));
                            panic!("joined: {joined}, instead of {current:?}, in {steps:?}");
                        }
                    }
                }
                Step::Land | Step::Die if open.is_empty() => {}
                Step::Land | Step::Die => {
                    let (load, pilot) = open.remove(0);
                    if *step == Step::Land {
                        pilot.found_stale(None);
                        pilot.land(Ok(Landing {
                            value: Some(Arc::new(load)),
                            origin: Origin::Loader,
                        }));
                        landed_as[load] = Some(load);
                    }
                    current = current.filter(|it| *it != load);
                }
                Step::Invalidate => {
                    scopes.drop_key(&owner, "orders", key.bare());
                    current = None;
                }
            }
        }
        drop(open);
        for (load, mut progress) in callers {
            let outcome = landed(&mut progress).now_or_never().expect("nobody hangs");
            let value = outcome.map(|it| it.expect("lands").value.expect("a value"));
            assert_eq!(value.as_deref().copied(), landed_as[load], "{steps:?}");
        }
        assert!(flights.flights().is_empty(), "{steps:?}");
    }
}
