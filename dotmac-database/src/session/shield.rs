//! A future that is finished in the background if its caller drops it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// Runs where it is awaited; dropped unfinished, it goes on as a task of the runtime in which it was made.
pub struct Shield<T: Send + 'static> {
    future: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    runtime: Option<Handle>,
    /// Set while it runs: if it is still set on drop, the future panicked and is not polled again.
    running: bool,
}

impl<T: Send + 'static> Shield<T> {
    pub fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        Shield {
            future: Some(Box::pin(future)),
            runtime: Handle::try_current().ok(),
            running: false,
        }
    }
}

impl<T: Send + 'static> Future for Shield<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = &mut *self;
        let Some(future) = &mut this.future else {
            return Poll::Pending;
        };
        this.running = true;
        let result = future.as_mut().poll(cx);
        this.running = false;
        if result.is_ready() {
            this.future = None;
        }
        result
    }
}

impl<T: Send + 'static> Drop for Shield<T> {
    fn drop(&mut self) {
        if let Some(future) = self.future.take()
            && !self.running
            && let Some(runtime) = self.runtime.take()
        {
            runtime.spawn(future);
        }
    }
}
