//! The sessions that hold a connection, or wait for one: waited for by `close`, cut off by
//! `close_within`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as SyncMutex, MutexGuard as SyncGuard, PoisonError, Weak};

use tokio::sync::{Mutex, Notify};

use super::cluster::Cluster;
use super::cut::Cut;
use super::slot::Slot;
use super::tally::Outcome;
use crate::error::{Error, Result};

/// The register.
#[derive(Default)]
pub struct Live {
    state: SyncMutex<State>,
    emptied: Notify,
}

#[derive(Default)]
struct State {
    closing: bool,
    next: u64,
    open: HashMap<u64, Entry>,
}

struct Entry {
    cut: Arc<Cut>,
    slot: Weak<Mutex<Slot>>,
}

impl Live {
    /// Refuses new sessions from now on.
    pub fn refuse(&self) {
        self.state().closing = true;
    }

    pub fn is_closing(&self) -> bool {
        self.state().closing
    }

    pub fn len(&self) -> u64 {
        self.state().open.len() as u64
    }

    /// Waits until no session is open.
    pub async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.state().open.is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// Closes the connections of all sessions that are open, and says how many these are; rollbacks
    /// in the background are cut too, and not counted.
    pub fn cut(&self) -> usize {
        let entries: Vec<Entry> = self.state().open.drain().map(|(_, entry)| entry).collect();
        let sessions = entries.iter().filter(|it| !it.cut.is_in_background());
        let count = sessions.count();
        for entry in entries {
            entry.cut.give();
            // Where a statement holds it, the signal ends the statement, and its session closes it.
            if let Some(slot) = entry.slot.upgrade()
                && let Ok(mut slot) = slot.try_lock()
            {
                slot.discard();
            }
        }
        count
    }

    fn state(&self) -> SyncGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a session in the register, left on drop; what became of it is counted then.
pub struct Ticket {
    cluster: Arc<Cluster>,
    id: u64,
    outcome: Outcome,
}

impl Ticket {
    /// # Errors
    /// [`Error::Closed`] once the database is closing.
    pub fn take(cluster: &Arc<Cluster>, slot: &Arc<Mutex<Slot>>, cut: &Arc<Cut>) -> Result<Self> {
        let mut state = cluster.live.state();
        if state.closing {
            return Err(Error::Closed);
        }
        let id = state.next;
        state.next += 1;
        let entry = Entry {
            cut: Arc::clone(cut),
            slot: Arc::downgrade(slot),
        };
        state.open.insert(id, entry);
        drop(state);
        cluster.tally.opened();
        Ok(Ticket {
            cluster: Arc::clone(cluster),
            id,
            outcome: Outcome::RolledBack,
        })
    }

    /// Until told, it ends without a commit.
    pub fn ends(&mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.cluster.tally.ended(self.outcome);
        let mut state = self.cluster.live.state();
        // Dropped with the register free: it may be the slot's last owner.
        let entry = state.open.remove(&self.id);
        let last = state.closing && state.open.is_empty();
        drop(state);
        drop(entry);
        if last {
            self.cluster.live.emptied.notify_waiters();
        }
    }
}
