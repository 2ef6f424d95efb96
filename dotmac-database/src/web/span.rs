//! The span of a request, by the names of OpenTelemetry's HTTP conventions.

use http::StatusCode;
use tracing::Span;
use tracing::field::Empty;

use super::incoming::Incoming;

/// Opens it. The query is left out: it may hold what is secret.
pub fn open(incoming: &Incoming<'_>, request_id: &str) -> Span {
    tracing::info_span!(
        "dotmac.request.serve",
        "otel.kind" = "server",
        "otel.status_code" = Empty,
        "http.request.method" = %incoming.method,
        "http.route" = incoming.route,
        "http.response.status_code" = Empty,
        "url.path" = incoming.uri.path(),
        "request.id" = request_id,
        "tenant.id" = Empty,
        "enduser.id" = Empty,
    )
}

/// Adds how it ended.
pub fn end(span: &Span, status: StatusCode) {
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}
