//! Turns: in one process, one caller at a time asks for or holds the lock of a name, first come first served.
//!
//! So a thousand waiters of a process are one waiter to Redis or PostgreSQL.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::name::LockName;
use crate::error::{LockError, Result};

/// The queues of all names that anybody asks for.
#[derive(Clone, Default)]
pub struct Turns(Arc<Mutex<HashMap<LockName, Queue>>>);

struct Queue {
    semaphore: Arc<Semaphore>,
    /// Those that wait or have their turn.
    members: usize,
    /// Who has it.
    current: Option<Asker>,
}

/// Who asks: a task, or a thread that runs none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asker {
    Task(tokio::task::Id),
    Thread(ThreadId),
}

impl Asker {
    fn running() -> Self {
        match tokio::task::try_id() {
            Some(task) => Asker::Task(task),
            None => Asker::Thread(std::thread::current().id()),
        }
    }
}

impl Turns {
    /// Waits for a turn until the deadline; `None` where it did not come.
    ///
    /// # Errors
    /// [`LockError::AlreadyHeld`] where the running task has it.
    ///
    /// # Cancel safety
    /// Whoever is dropped leaves the queue.
    pub async fn take(&self, name: &LockName, deadline: Instant) -> Result<Option<Turn>> {
        let asker = Asker::running();
        let place = self.queue_up(name, asker)?;
        // One that is free is taken even where the deadline has passed: the permit is looked for first.
        let permit = timeout_at(deadline, place.semaphore.clone().acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            return Ok(None);
        };
        if let Some(queue) = self.queues().get_mut(name) {
            queue.current = Some(asker);
        }
        Ok(Some(Turn {
            permit: Some(permit),
            place,
        }))
    }

    /// How many names are asked for.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.queues().len()
    }

    fn queue_up(&self, name: &LockName, asker: Asker) -> Result<Place> {
        let mut queues = self.queues();
        let queue = queues.entry(name.clone()).or_insert_with(|| Queue {
            semaphore: Arc::new(Semaphore::new(1)),
            members: 0,
            current: None,
        });
        if queue.current == Some(asker) {
            let name = name.to_string();
            return Err(LockError::AlreadyHeld { name }.into());
        }
        queue.members += 1;
        Ok(Place {
            is_contended: queue.members > 1,
            turns: self.clone(),
            name: name.clone(),
            semaphore: Arc::clone(&queue.semaphore),
        })
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<LockName, Queue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A turn; dropping it lets the next one have it.
pub struct Turn {
    permit: Option<OwnedSemaphorePermit>,
    place: Place,
}

impl Turn {
    /// Whether another one had it or waited for it before.
    pub fn was_waited_for(&self) -> bool {
        self.place.is_contended
    }

    /// Whoever has it is about to let it go, and may ask again.
    pub fn leave(&self) {
        if let Some(queue) = self.place.turns.queues().get_mut(&self.place.name) {
            queue.current = None;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.leave();
        drop(self.permit.take());
    }
}

/// A place in a queue; the last one takes the queue away.
struct Place {
    turns: Turns,
    name: LockName,
    semaphore: Arc<Semaphore>,
    /// Whether others were in the queue when it was taken.
    is_contended: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut queues = self.turns.queues();
        if let Some(queue) = queues.get_mut(&self.name) {
            queue.members -= 1;
            if queue.members == 0 {
                queues.remove(&self.name);
            }
        }
    }
}
