//! poem: `EndpointExt::with(RequestLayer)`, extractors, health checks, and [`problem`] for poem's own errors.
//!
//! `RequestContext`, `Session`, [`ReadSession`](super::ReadSession),
//! [`WriteSession`](super::WriteSession) and [`Exchange`](super::Exchange) are extractors, and
//! `Data<&RequestContext>` and `Data<&Exchange>` are there too; [`Problem`](super::Problem) and
//! [`Readiness`](super::Readiness) are responses.

mod extract;
mod health;
mod layer;
mod respond;

pub use health::{Live, Ready};
pub use layer::RequestEndpoint;
pub use respond::problem;
