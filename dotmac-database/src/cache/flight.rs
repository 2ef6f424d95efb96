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
