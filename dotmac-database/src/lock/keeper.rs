//! `Keeper`: the task that renews the leases of all guards, those that are due together in one request.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::core::Core;
use super::lease::Lease;

/// While nothing is due, it looks so often whether anything is there at all.
const IDLE: Duration = Duration::from_secs(60);

/// So few are not worth looking through.
const FEW: usize = 64;

/// A request that is not answered within so long is given up.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Default)]
pub struct Keeper {
    state: Mutex<State>,
    woken: Arc<Notify>,
    /// Whether the last renewal failed: it is told once.
    is_cut_off: AtomicBool,
}

#[derive(Default)]
struct State {
    leases: Vec<Arc<Lease>>,
    /// How many were left when those that have ended were last taken out.
    left: usize,
    task: Option<AbortHandle>,
    /// When the task looks at them next.
    next: Option<Instant>,
}

impl Keeper {
    /// Keeps a lease from now on.
    pub fn add(&self, core: &Arc<Core>, lease: Arc<Lease>) {
        let mut state = self.state();
        // Most are given back long before they are looked at. Whenever they have doubled: so each pays for one.
        if state.leases.len() > FEW.max(2 * state.left) {
            state.leases.retain(|lease| lease.is_held());
            state.left = state.leases.len();
        }
        let is_first = state.next.is_none_or(|next| lease.due() < next);
        state.leases.push(lease);
        // The runtime in which it ran may have ended before the program did.
        if state.task.as_ref().is_none_or(AbortHandle::is_finished) {
            let task = tokio::spawn(run(Arc::downgrade(core), Arc::clone(&self.woken)));
            state.task = Some(task.abort_handle());
        } else if is_first {
            self.woken.notify_one();
        }
    }

    /// The leases that are due, with those that are so soon, and when to look again; what has ended is taken
    /// out, and what has run out is lost.
    fn sort(&self, now: Instant) -> (Vec<Arc<Lease>>, Vec<Arc<Lease>>, Instant) {
        let mut due = Vec::new();
        let mut run_out = Vec::new();
        let mut next = now + IDLE;
        let mut state = self.state();
        state.leases.retain(|lease| {
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
        state.left = state.leases.len();
        state.next = Some(next);
        (due, run_out, next)
    }

    /// How many leases it has in mind.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.state().leases.len()
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
            // One that was held for too long is still renewed where it is kept.
            core.ran_out(&lease, &Handle::current());
        }
        if !due.is_empty() {
            // Each in a task of its own: one that hangs or panics keeps no other lease from its renewal.
            for batch in batches(&core, due) {
                for lease in &batch {
                    lease.asked_again(now);
                }
                core.tasks.spawn(renew(Arc::clone(&core), batch, now));
            }
            continue;
        }
        drop(core);
        tokio::select! {
            () = sleep_until(next) => {}
            () = woken.notified() => {}
        }
    }
}

fn batches(core: &Core, due: Vec<Arc<Lease>>) -> Vec<Vec<Arc<Lease>>> {
    let mut batches: HashMap<u64, Vec<Arc<Lease>>> = HashMap::new();
    for lease in due {
        let batch = core.backend.batch(&lease);
        batches.entry(batch).or_default().push(lease);
    }
    batches.into_values().collect()
}

async fn renew(core: Arc<Core>, due: Vec<Arc<Lease>>, now: Instant) {
    let leases: Vec<&Lease> = due.iter().map(|lease| &**lease).collect();
    let kept = timeout(PATIENCE, core.backend.keep(&leases)).await;
    let kept = kept.map_err(|_| core.is_silent(None)).flatten();
    let was_cut_off = core
        .keeper
        .is_cut_off
        .swap(kept.is_err(), Ordering::Relaxed);
    match kept {
        Ok(held) => {
            if was_cut_off {
                tracing::info!("locks are renewed again");
            }
            for (lease, is_held) in due.iter().zip(held) {
                match is_held {
                    true => lease.renewed(now),
                    false => core.lose(lease),
                }
            }
        }
        Err(error) => {
            if !was_cut_off {
                tracing::warn!(
                    locks = due.len(),
                    error = &error as &dyn std::error::Error,
                    "locks could not be renewed: tried again until their leases end"
                );
            }
            for lease in &due {
                lease.put_off(Instant::now());
            }
            core.keeper.woken.notify_one();
        }
    }
}
