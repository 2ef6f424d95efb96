//! `Hold`: what keeps a database open that its owner closes when nobody uses it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

/// The owner's side.
pub struct Holder(Arc<Uses>);

/// One use: a handle, or a session, for as long as it lives.
#[derive(Clone)]
pub struct Hold(Option<Arc<Uses>>);

struct Uses {
    freed_at: Mutex<Instant>,
    freed: Arc<Notify>,
}

impl Holder {
    /// Nobody uses it yet; `freed` is told of the end of each use.
    pub fn new(freed: &Arc<Notify>) -> Self {
        Holder(Arc::new(Uses {
            freed_at: Mutex::new(Instant::now()),
            freed: Arc::clone(freed),
        }))
    }

    /// One more use.
    pub fn hold(&self) -> Hold {
        Hold(Some(Arc::clone(&self.0)))
    }

    /// Since when nobody uses it. Uses are made of other uses, or by the holder: whoever keeps the holder
    /// from others can rely on the answer.
    pub fn idle_since(&self) -> Option<Instant> {
        let is_idle = Arc::strong_count(&self.0) == 1;
        let freed_at = || {
            *self
                .0
                .freed_at
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        is_idle.then(freed_at)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let Some(uses) = self.0.take() else { return };
        let freed = Arc::clone(&uses.freed);
        let mut freed_at = uses.freed_at.lock().unwrap_or_else(PoisonError::into_inner);
        *freed_at = Instant::now();
        drop(freed_at);
        // Whoever is told counts the uses.
        drop(uses);
        freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn database_is_idle_when_its_last_use_has_ended() {
        let holder = Holder::new(&Arc::default());
        assert!(holder.idle_since().is_some());
        let first = holder.hold();
        let second = first.clone();
        drop(first);
        assert!(holder.idle_since().is_none());
        let before = Instant::now();
        drop(second);
        assert!(holder.idle_since().is_some_and(|since| since >= before));
    }
}
