//! Responses.

use ::axum::Json;
use ::axum::response::{IntoResponse, Response};

use crate::web::problem::Problem;
use crate::web::readiness::Readiness;
use crate::web::serve::Reply;

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        Reply::of(self)
    }
}

impl IntoResponse for Readiness {
    fn into_response(self) -> Response {
        (self.status(), Json(self)).into_response()
    }
}
