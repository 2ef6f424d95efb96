//! Health checks as handlers.

use ::axum::extract::State;
use http::StatusCode;

use crate::session::Database;
use crate::web::readiness::Readiness;

/// The process answers: 200.
pub async fn live() -> StatusCode {
    StatusCode::OK
}

/// Whether requests can be served. The database is the router's state; for pending migrations, write a handler
/// that returns [`Readiness::of`] with [`Database::health_with`].
pub async fn ready(State(db): State<Database>) -> Readiness {
    let health = db.health().await;
    Readiness::of(&db, health).await
}
