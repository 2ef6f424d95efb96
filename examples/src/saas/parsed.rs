//! `Parsed`: an extractor of axum whose refusal is a problem.

use axum::extract::{FromRequest, FromRequestParts, Request};
use dotmac_database::prelude::*;
use http::request::Parts;

/// What `E` extracts. axum's own extractors refuse in plain text.
pub struct Parsed<E>(pub E);

impl<S, E> FromRequestParts<S> for Parsed<E>
where
    S: Send + Sync,
    E: FromRequestParts<S>,
    Problem: From<E::Rejection>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Ok(Parsed(E::from_request_parts(parts, state).await?))
    }
}

impl<S, E> FromRequest<S> for Parsed<E>
where
    S: Send + Sync,
    E: FromRequest<S>,
    Problem: From<E::Rejection>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Ok(Parsed(E::from_request(request, state).await?))
    }
}
