//! The layer as tower sees it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use ::axum::extract::{ConnectInfo, MatchedPath, OriginalUri, Request};
use ::axum::response::Response;
use http::{Extensions, HeaderMap, StatusCode};
use tower_layer::Layer;
use tower_service::Service;

use crate::web::incoming::Incoming;
use crate::web::layer::{RequestLayer, Settings};
use crate::web::serve::{Ask, Reply, serve};

/// A service behind a [`RequestLayer`].
#[derive(Clone)]
pub struct RequestService<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S> Layer<S> for RequestLayer {
    type Service = RequestService<S>;

    fn layer(&self, inner: S) -> RequestService<S> {
        RequestService {
            inner,
            settings: Arc::clone(&self.0),
        }
    }
}

impl<S> Service<Request> for RequestService<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // The one that was found ready is used up; its clone stays.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let settings = Arc::clone(&self.settings);
        Box::pin(async move {
            let handle = |request| async move {
                match inner.call(request).await {
                    Ok(response) => response,
                    Err(never) => match never {},
                }
            };
            Ok(serve(&settings, request, handle).await)
        })
    }
}

impl Ask for Request {
    fn incoming(&self) -> Incoming<'_> {
        let extensions = self.extensions();
        let peer = extensions.get::<ConnectInfo<SocketAddr>>();
        // In a nested router, the request's own has lost its prefix.
        let uri = extensions.get::<OriginalUri>().map(|original| &original.0);
        Incoming {
            method: self.method(),
            uri: uri.unwrap_or(self.uri()),
            headers: self.headers(),
            peer: peer.map(|peer| peer.0.ip()),
            route: extensions.get::<MatchedPath>().map(MatchedPath::as_str),
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

    fn set(&mut self, status: StatusCode, body: Vec<u8>) {
        *self.status_mut() = status;
        *self.body_mut() = body.into();
    }
}
