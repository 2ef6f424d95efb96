//! What is told where no handler is.

use crate::web::problem::Problem;

/// 404 as a problem: `Router::fallback(no_route)`.
pub async fn no_route() -> Problem {
    Problem::no_route()
}

/// 405 as a problem: `Router::method_not_allowed_fallback(no_method)`.
pub async fn no_method() -> Problem {
    Problem::no_method()
}
