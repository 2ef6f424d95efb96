//! Which databases are open, or about to be; the state under the lock.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::error::{Error, Result};
use crate::session::{Database, Holder};
use crate::tenancy::DatabaseName;

/// What a connect came to, once it did. The handle is held, so that nobody closes it before it is used.
pub type Outcome = Option<Result<Database>>;

/// The places.
#[derive(Default)]
pub struct Shelf {
    places: HashMap<DatabaseName, Place>,
    pub closing: bool,
}

enum Place {
    Connecting(watch::Receiver<Outcome>),
    Open { db: Database, holder: Holder },
}

/// What there is for whoever asks for a database.
pub enum Found {
    /// It is open.
    Open(Database),
    /// Somebody asked before.
    Connecting(watch::Receiver<Outcome>),
    /// A place was free, or became so by giving up a database that nobody uses.
    Reserved {
        outcome: watch::Receiver<Outcome>,
        sender: watch::Sender<Outcome>,
        given_up: Option<Database>,
    },
    /// All places are in use.
    Full,
}

impl Shelf {
    /// Finds the database, or a place for it.
    pub fn ask(&mut self, name: &DatabaseName, max_open: usize) -> Result<Found> {
        if self.closing {
            return Err(Error::Closed);
        }
        match self.places.get(name) {
            Some(Place::Open { db, holder }) => return Ok(Found::Open(db.held(holder.hold()))),
            Some(Place::Connecting(outcome)) => return Ok(Found::Connecting(outcome.clone())),
            None => {}
        }
        let given_up = match self.places.len() < max_open {
            true => None,
            false => match self.longest_idle() {
                Some(idle) => self.take(&idle),
                None => return Ok(Found::Full),
            },
        };
        let (sender, outcome) = watch::channel(None);
        let place = Place::Connecting(outcome.clone());
        self.places.insert(name.clone(), place);
        Ok(Found::Reserved {
            outcome,
            sender,
            given_up,
        })
    }

    /// Puts a database into the place that was reserved for it.
    pub fn put(&mut self, name: DatabaseName, db: Database, holder: Holder) -> Database {
        let held = db.held(holder.hold());
        self.places.insert(name, Place::Open { db, holder });
        held
    }

    /// Gives up the place that was reserved.
    pub fn cancel(&mut self, name: &DatabaseName) {
        if let Some(Place::Connecting(_)) = self.places.get(name) {
            self.places.remove(name);
        }
    }

    /// Takes out the databases that nobody has used for so long.
    pub fn expired(&mut self, timeout: Duration) -> Vec<Database> {
        let now = Instant::now();
        let is_over = |since: Instant| now.saturating_duration_since(since) >= timeout;
        let over = self.idle().filter(|(_, since)| is_over(*since));
        let names: Vec<DatabaseName> = over.map(|(name, _)| name.clone()).collect();
        names.iter().filter_map(|name| self.take(name)).collect()
    }

    /// Takes everything out: the databases, and those that are being connected.
    pub fn clear(&mut self) -> (Vec<Database>, Vec<watch::Receiver<Outcome>>) {
        let (mut open, mut connecting) = (Vec::new(), Vec::new());
        for (_, place) in self.places.drain() {
            match place {
                Place::Open { db, .. } => open.push(db),
                Place::Connecting(outcome) => connecting.push(outcome),
            }
        }
        (open, connecting)
    }

    /// The databases that are open.
    pub fn open(&self) -> Vec<Database> {
        let open = self.places.values().filter_map(|place| match place {
            Place::Open { db, .. } => Some(db.clone()),
            Place::Connecting(_) => None,
        });
        open.collect()
    }

    /// How many are being connected, open and idle, open and in use.
    pub fn count(&self) -> [usize; 3] {
        let idle = self.idle().count();
        let is_open = |place: &&Place| matches!(place, Place::Open { .. });
        let open = self.places.values().filter(is_open).count();
        [self.places.len() - open, idle, open - idle]
    }

    fn idle(&self) -> impl Iterator<Item = (&DatabaseName, Instant)> {
        self.places.iter().filter_map(|(name, place)| match place {
            Place::Open { holder, .. } => Some((name, holder.idle_since()?)),
            Place::Connecting(_) => None,
        })
    }

    fn longest_idle(&self) -> Option<DatabaseName> {
        let longest = self.idle().min_by_key(|(_, since)| *since);
        longest.map(|(name, _)| name.clone())
    }

    fn take(&mut self, name: &DatabaseName) -> Option<Database> {
        match self.places.remove(name)? {
            Place::Open { db, .. } => Some(db),
            Place::Connecting(_) => None,
        }
    }
}
