//! Requests: a layer that finds out for whom a request is, and sessions as arguments of handlers.
//!
//! The [guide](crate::guide::requests) shows both frameworks. [`RequestLayer`] holds the settings, and is
//! a layer of axum (feature `axum`) and a middleware of poem (feature `poem`); [`Exchange`] is one
//! request with its context and session; [`Problem`] is what a client is told of an error.

#[cfg(feature = "axum")]
pub mod axum;
#[cfg(feature = "poem")]
pub mod poem;

mod address;
mod admission;
mod claims;
mod directory;
mod exchange;
mod incoming;
mod kind;
mod layer;
mod problem;
mod readiness;
mod request_id;
mod resolver;
mod serve;
mod session;
mod span;
mod stored_directory;

pub use crate::tenancy::TenantState;
pub use address::ProxyHeader;
pub use claims::{Claims, Rejected, Verifier};
pub use directory::{CachedDirectory, TenantDirectory};
pub use exchange::Exchange;
pub use http::StatusCode;
pub use incoming::Incoming;
pub use layer::RequestLayer;
pub use problem::Problem;
pub use readiness::Readiness;
pub use resolver::Resolver;
pub use session::{ReadSession, WriteSession};
pub use stored_directory::StoredDirectory;
