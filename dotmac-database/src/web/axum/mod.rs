//! axum: `Router::layer(RequestLayer)`, extractors, and health checks.
//!
//! `RequestContext`, `Session`, [`ReadSession`](super::ReadSession),
//! [`WriteSession`](super::WriteSession) and [`Exchange`](super::Exchange) are extractors;
//! [`Problem`](super::Problem) and [`Readiness`](super::Readiness) are responses.

mod extract;
mod health;
mod layer;
mod respond;

pub use health::{live, ready};
pub use layer::RequestService;
