//! `Keeper`: the task that renews the leases of all guards, those that are due together in one request.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use super::core::Core;
use super::lease::Lease;

/// While nothing is due, it looks so often whether anything is there at all.
const IDLE: Duration = Duration::from_secs(60);

#[derive(Default)]
pub struct Keeper {
    state: Mutex<State>,
    woken: Arc<Notify>,
}

#[derive(Default)]
struct State {
    leases: Vec<Arc<Lease>>,
    task: Option<AbortHandle>,
}

impl Keeper {
    /// Keeps a lease from now on.
    pub fn add(&self, core: &Arc<Core>, lease: Arc<Lease>) {
        let mut state = self.state();
        state.leases.push(lease);
        // The runtime in which it ran may have ended before the program did.
        if state.task.as_ref().is_none_or(AbortHandle::is_finished) {
            let task = tokio::spawn(run(Arc::downgrade(core), Arc::clone(&self.woken)));
            state.task = Some(task.abort_handle());
        }
        drop(state);
        self.woken.notify_one();
    }

    /// How many leases are kept.
    pub fn len(&self) -> usize {
        self.state().leases.len()
    }

    /// The leases that are due, with those that are so soon, and when to look again; what has ended is taken
    /// out, and what has run out is lost.
    fn sort(&self, now: Instant) -> (Vec<Arc<Lease>>, Vec<Arc<Lease>>, Instant) {
        let mut due = Vec::new();
        let mut run_out = Vec::new();
        let mut next = now + IDLE;
        self.state().leases.retain(|lease| {
            if !lease.is_held() {
                return false;
            }
            if lease.has_run_out(now) {
                run_out.push(Arc::clone(lease));
                return false;
            }
            match lease.due() <= now + lease.ttl / 12 {
                true => due.push(Arc::clone(lease)),
                false => next = next.min(lease.due()),
            }
            true
        });
        // Together with those only that have to be renewed now.
        if !due.iter().any(|lease| lease.due() <= now) {
            next = due.iter().map(|lease| lease.due()).fold(next, Instant::min);
            due.clear();
        }
        (due, run_out, next)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(task) = self.state().task.take() {
            task.abort();
        }
    }
}

async fn run(core: Weak<Core>, woken: Arc<Notify>) {
    loop {
        let Some(core) = core.upgrade() else { return };
        let now = Instant::now();
        let (due, run_out, next) = core.keeper.sort(now);
        for lease in run_out {
            lease.lose();
            // One that was held for too long is still renewed where it is kept.
            give_up(&core, lease);
        }
        if !due.is_empty() {
            renew(&core, &due, now).await;
            continue;
        }
        drop(core);
        tokio::select! {
            () = sleep_until(next) => {}
            () = woken.notified() => {}
        }
    }
}

async fn renew(core: &Core, due: &[Arc<Lease>], now: Instant) {
    let leases: Vec<&Lease> = due.iter().map(|lease| &**lease).collect();
    match core.backend.keep(&leases).await {
        Ok(held) => {
            for (lease, is_held) in due.iter().zip(held) {
                match is_held {
                    true => lease.renewed(now),
                    false => lease.lose(),
                }
            }
        }
        Err(error) => {
            tracing::warn!(
                locks = due.len(),
                error = &error as &dyn std::error::Error,
                "locks could not be renewed: tried again until their leases end"
            );
            for lease in due {
                lease.put_off(Instant::now());
            }
        }
    }
}

fn give_up(core: &Arc<Core>, lease: Arc<Lease>) {
    let owner = Arc::clone(core);
    core.tasks.spawn(async move {
        let given_back = owner.backend.give_back(&lease.name, lease.token).await;
        if let Err(error) = given_back {
            tracing::debug!(lock.name = %lease.name, error = &error as &dyn std::error::Error,
                "a lock that has run out could not be given back");
        }
    });
}
