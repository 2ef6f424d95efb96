//! Extractors.

use ::axum::extract::FromRequestParts;
use http::request::Parts;

use crate::context::RequestContext;
use crate::session::Session;
use crate::web::exchange::{Access, Exchange};
use crate::web::problem::Problem;
use crate::web::session::{ReadSession, WriteSession};

impl<S: Sync> FromRequestParts<S> for Exchange {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Exchange::within(&parts.extensions).cloned()
    }
}

impl<S: Sync> FromRequestParts<S> for RequestContext {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Exchange::within(&parts.extensions)?.context().clone())
    }
}

impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Exchange::within(&parts.extensions)?.open(Access::Any)
    }
}

impl<S: Sync> FromRequestParts<S> for ReadSession {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let exchange = Exchange::within(&parts.extensions)?;
        exchange.open(Access::Read).map(ReadSession)
    }
}

impl<S: Sync> FromRequestParts<S> for WriteSession {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let exchange = Exchange::within(&parts.extensions)?;
        exchange.open(Access::Write).map(WriteSession)
    }
}
