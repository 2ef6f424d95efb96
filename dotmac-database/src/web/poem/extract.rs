//! Extractors.

use ::poem::{FromRequest, Request, RequestBody, Result};

use crate::context::RequestContext;
use crate::session::Session;
use crate::web::exchange::{Access, Exchange};
use crate::web::session::{ReadSession, WriteSession};

impl<'a> FromRequest<'a> for Exchange {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
        Ok(Exchange::within(request.extensions())?.clone())
    }
}

impl<'a> FromRequest<'a> for RequestContext {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
        Ok(Exchange::within(request.extensions())?.context().clone())
    }
}

impl<'a> FromRequest<'a> for Session {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
        Ok(Exchange::within(request.extensions())?.open(Access::Any)?)
    }
}

impl<'a> FromRequest<'a> for ReadSession {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
        let exchange = Exchange::within(request.extensions())?;
        Ok(ReadSession(exchange.open(Access::Read)?))
    }
}

impl<'a> FromRequest<'a> for WriteSession {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
        let exchange = Exchange::within(request.extensions())?;
        Ok(WriteSession(exchange.open(Access::Write)?))
    }
}
