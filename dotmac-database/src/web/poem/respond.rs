//! Responses.

use ::poem::web::Json;
use ::poem::{Error, IntoResponse, Response};

use crate::web::problem::Problem;
use crate::web::readiness::Readiness;
use crate::web::serve::Reply;

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        Reply::of(self)
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        let mut error = Error::from_response(problem.clone().into_response());
        // An error's response keeps the data of the error only.
        error.set_data(problem);
        error
    }
}

impl IntoResponse for Readiness {
    fn into_response(self) -> Response {
        let status = self.status();
        Json(self).with_status(status).into_response()
    }
}
