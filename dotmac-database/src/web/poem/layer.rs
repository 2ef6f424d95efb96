//! The layer as poem's middleware.

use std::sync::Arc;

use ::poem::{Endpoint, Middleware, PathPattern, Request, Response};
use http::{Extensions, HeaderMap, StatusCode};

use crate::web::incoming::Incoming;
use crate::web::layer::{RequestLayer, Settings};
use crate::web::serve::{Ask, Reply, serve};

/// An endpoint behind a [`RequestLayer`].
pub struct RequestEndpoint<E> {
    inner: E,
    settings: Arc<Settings>,
}

impl<E: Endpoint> Middleware<E> for RequestLayer {
    type Output = RequestEndpoint<E>;

    fn transform(&self, inner: E) -> RequestEndpoint<E> {
        RequestEndpoint {
            inner,
            settings: Arc::clone(&self.0),
        }
    }
}

impl<E: Endpoint> Endpoint for RequestEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> ::poem::Result<Response> {
        let handle = |request| self.inner.get_response(request);
        Ok(serve(&self.settings, request, handle).await)
    }
}

impl Ask for Request {
    fn incoming(&self) -> Incoming<'_> {
        let peer = self.remote_addr().as_socket_addr();
        Incoming {
            method: self.method(),
            uri: self.original_uri(),
            headers: self.headers(),
            peer: peer.map(|peer| peer.ip()),
            route: self.data::<PathPattern>().map(|pattern| &*pattern.0),
        }
    }

    fn extensions_mut(&mut self) -> &mut Extensions {
        self.extensions_mut()
    }
}

impl Reply for Response {
    fn status(&self) -> StatusCode {
        self.status()
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        self.headers_mut()
    }

    fn extensions_mut(&mut self) -> &mut Extensions {
        self.extensions_mut()
    }

    fn route(&self) -> Option<&str> {
        self.data::<PathPattern>().map(|pattern| &*pattern.0)
    }

    fn set(&mut self, status: StatusCode, body: Vec<u8>) {
        self.set_status(status);
        self.set_body(body);
    }
}
