//! axum: `Router::layer(RequestLayer)`, extractors, health checks, and fallbacks.
//!
//! `RequestContext`, `Session`, [`ReadSession`](super::ReadSession),
//! [`WriteSession`](super::WriteSession) and [`Exchange`](super::Exchange) are extractors;
//! [`Problem`](super::Problem) and [`Readiness`](super::Readiness) are responses, and axum's own rejections
//! of bodies, paths and queries become problems by `?`.

mod extract;
mod fallback;
mod health;
mod layer;
mod rejection;
mod respond;

pub use fallback::{no_method, no_route};
pub use health::{live, ready};
pub use layer::RequestService;
