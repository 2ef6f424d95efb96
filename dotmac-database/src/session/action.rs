//! Actions after commit.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use futures_util::FutureExt;

use super::follow::{Committed, Then};

/// Something to do once everything is committed.
pub struct Action(Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>);

impl Action {
    pub fn new<F, Fut>(action: F) -> Self
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Action(Box::new(|| Box::pin(action())))
    }
}

/// Runs the actions in order. The work is committed: a panic in one is logged, and the others run.
pub async fn run(actions: Vec<Action>) {
    for action in actions {
        let done = AssertUnwindSafe(async move { (action.0)().await }).catch_unwind();
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
