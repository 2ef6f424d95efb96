//! Work that outlives its request.

use std::future::Future;

use tokio::task::JoinHandle;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::request::RequestContext;

impl RequestContext {
    /// Runs a task that is given this context, in a span of its own.
    ///
    /// A session does not go along: it ends with its request. The task opens one with the context, and
    /// its rows are stamped with the user and the id of the request that it comes from. For a queue, a
    /// context can be serialized and read back with `serde`.
    ///
    /// ```
    /// # use dotmac_database::prelude::*;
    /// # async fn later(db: Database, context: RequestContext) {
    /// context.spawn(|context| async move {
    ///     db.write(&context, async |tx| tx.execute_unprepared("SELECT 1").await).await
    /// });
    /// # }
    /// ```
    ///
    /// # Panics
    /// Outside of a tokio runtime, as [`tokio::spawn`].
    pub fn spawn<F, Fut>(&self, task: F) -> JoinHandle<Fut::Output>
    where
        F: FnOnce(RequestContext) -> Fut,
        Fut: Future<Output: Send> + Send + 'static,
    {
        let span = tracing::info_span!(
            parent: None,
            "dotmac.context.spawn",
            "otel.kind" = "internal",
            "tenant.id" = Empty,
            "enduser.id" = Empty,
            "request.id" = Empty,
        );
        self.record(&span);
        // The request may be over before its task is.
        span.follows_from(Span::current());
        tokio::spawn(task(self.clone()).instrument(span))
    }

    /// Adds for whom the work of a span is.
    pub(crate) fn record(&self, span: &Span) {
        let fields = [
            ("tenant.id", self.tenant_id().map(|tenant| tenant.as_str())),
            ("enduser.id", self.user_id()),
            ("request.id", self.request()),
        ];
        for (field, value) in fields {
            if let Some(value) = value {
                span.record(field, value);
            }
        }
    }
}
