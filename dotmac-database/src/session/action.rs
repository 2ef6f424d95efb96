//! Actions after commit.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use futures_util::FutureExt;

use super::follow::{Committed, Then};

/// Something to do once everything is committed.
pub struct Action {
    act: Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>,
    /// From when on it runs.
    when: Committed,
}

impl Action {
    /// Runs for a commit that is as certain as `when`, or more.
    pub fn new<F, Fut>(when: Committed, action: F) -> Self
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Action {
            act: Box::new(|| Box::pin(action())),
            when,
        }
    }
}

/// Runs the actions in order. The work is committed, or may be: a panic in one is logged, and the others
/// run.
pub async fn run(actions: Vec<Action>, committed: Committed) {
    for action in actions {
        if committed == Committed::Perhaps && action.when == Committed::Surely {
            continue;
        }
        let done = AssertUnwindSafe(async move { (action.act)().await }).catch_unwind();
        if done.await.is_err() {
            tracing::error!("an action after commit panicked");
        }
    }
}

/// Lets those act who follow the database, all at once. The work is committed, or may be.
pub async fn follow(acts: Vec<Then>, committed: Committed) {
    let acts = acts.into_iter().map(|act| async move {
        let done = AssertUnwindSafe(act(committed)).catch_unwind();
        if done.await.is_err() {
            tracing::error!("a cache that follows the database panicked");
        }
    });
    futures_util::future::join_all(acts).await;
}
