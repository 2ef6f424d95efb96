//! Responses.

use ::poem::error::{MethodNotAllowedError, NotFoundError};
use ::poem::web::Json;
use ::poem::{Error, IntoResponse, PathPattern, Response};

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

/// A problem of any error, also of poem's own, such as a body that does not parse or a path without a route:
/// `.catch_all_error(problem)`, inside of the layer.
///
/// It tells what the error says where the request is at fault, and nothing where the server is.
pub async fn problem(error: Error) -> Response {
    let problem = match error.data::<Problem>() {
        Some(problem) => problem.clone(),
        None if error.is::<NotFoundError>() => Problem::no_route(),
        None if error.is::<MethodNotAllowedError>() => Problem::no_method(),
        None => rejected(&error),
    };
    let mut response = problem.into_response();
    if let Some(route) = error.data::<PathPattern>() {
        response.set_data(route.clone());
    }
    response
}

fn rejected(error: &Error) -> Problem {
    if error.status().is_server_error() {
        tracing::error!(%error, "a request failed");
        return Problem::internal().logged();
    }
    Problem::rejected(error.status(), &error.to_string())
}

impl IntoResponse for Readiness {
    fn into_response(self) -> Response {
        let status = self.status();
        Json(self).with_status(status).into_response()
    }
}
