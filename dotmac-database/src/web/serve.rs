//! The way of a request through the layer, the same for both frameworks.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use http::{Extensions, HeaderMap, Method, StatusCode};
use tracing::Instrument;

use super::exchange::{Exchange, RollBack};
use super::incoming::Incoming;
use super::layer::Settings;
use super::problem::Problem;
use super::{request_id, span};
use crate::error::Error;

/// A request of a framework.
pub trait Ask: Send {
    fn incoming(&self) -> Incoming<'_>;
    fn extensions_mut(&mut self) -> &mut Extensions;
}

/// A response of a framework. A [`Problem`] in its extensions is what it tells.
pub trait Reply: Send + Default {
    fn status(&self) -> StatusCode;
    fn headers_mut(&mut self) -> &mut HeaderMap;
    fn extensions_mut(&mut self) -> &mut Extensions;
    fn set(&mut self, status: StatusCode, body: Vec<u8>);

    /// The pattern of the path, where only the response knows it.
    fn route(&self) -> Option<&str> {
        None
    }

    fn of(problem: Problem) -> Self {
        let mut reply = Self::default();
        reply.tell(problem);
        reply
    }

    fn tell(&mut self, problem: Problem) {
        self.set(problem.status(), problem.body());
        problem.set_headers(self.headers_mut());
        self.extensions_mut().insert(problem);
    }
}

/// Lets the request in, runs `handle`, and ends its session.
pub async fn serve<Q: Ask, R: Reply, Fut>(
    settings: &Settings,
    request: Q,
    handle: impl FnOnce(Q) -> Fut + Send,
) -> R
where
    Fut: Future<Output = R> + Send,
{
    let incoming = request.incoming();
    let id = request_id::of(incoming.headers);
    let span = span::open(&incoming, &id);
    let is_routed = incoming.route.is_some();
    let admitted = settings
        .admit(&incoming, &id)
        .instrument(span.clone())
        .await;
    let mut reply = match admitted {
        Ok((context, db)) => {
            context.record(&span);
            let is_safe = matches!(*incoming.method, Method::GET | Method::HEAD);
            let read_only = settings.safe_methods_read_only && is_safe;
            let exchange = Exchange::new(db, context, read_only);
            let run = run(settings, exchange, request, handle);
            run.instrument(span.clone()).await
        }
        Err(problem) => R::of(problem),
    };
    if !is_routed {
        span.record("http.route", reply.route());
    }
    span.in_scope(|| finish(settings, &id, &mut reply));
    span::end(&span, reply.status());
    reply
}

async fn run<Q: Ask, R: Reply, Fut>(
    settings: &Settings,
    exchange: Exchange,
    mut request: Q,
    handle: impl FnOnce(Q) -> Fut + Send,
) -> R
where
    Fut: Future<Output = R> + Send,
{
    let context = exchange.context().clone();
    request.extensions_mut().insert(context);
    request.extensions_mut().insert(exchange.clone());
    let unless_committed = RollBack(exchange);
    let handled = AssertUnwindSafe(async { handle(request).await }).catch_unwind();
    let handled = match settings.timeout {
        Some(limit) => tokio::time::timeout(limit, handled).await,
        None => Ok(handled.await),
    };
    let reply = match handled {
        Ok(Ok(reply)) => reply,
        Ok(Err(_)) => {
            tracing::error!("a handler panicked");
            return R::of(Problem::internal().logged());
        }
        Err(_) => {
            tracing::error!("a handler took longer than the layer allows");
            return R::of(Problem::unavailable().logged());
        }
    };
    let status = reply.status();
    if status.is_client_error() || status.is_server_error() {
        return reply;
    }
    match unless_committed.0.commit().await {
        Ok(()) => reply,
        Err(error) => R::of(Problem::of_commit(error)),
    }
}

/// Completes what the client is told, and logs what is the server's fault.
fn finish<R: Reply>(settings: &Settings, id: &str, reply: &mut R) {
    if let Some(problem) = reply.extensions_mut().remove::<Problem>() {
        let mapped = match (&problem.source, settings.problems) {
            (Some(error), Some(map)) => map(error),
            _ => None,
        };
        if problem.status().is_server_error() && !problem.is_logged {
            log(&problem);
        }
        reply.tell(mapped.unwrap_or(problem).member("request_id", id));
    }
    if let Some(value) = request_id::value(id) {
        reply.headers_mut().insert(request_id::HEADER, value);
    }
}

fn log(problem: &Problem) {
    match &problem.source {
        // Its `Debug` holds the kind, the message and its source, and no values.
        Some(Error::Busy { reason }) => tracing::error!(
            reason,
            remedy = "read rows to the end before the response is returned: a body cannot go on reading \
                      from the session",
            "the session was still in use when the request ended"
        ),
        Some(error) => tracing::error!(?error, "a request failed"),
        None => tracing::error!(%problem, "a request failed"),
    }
}
