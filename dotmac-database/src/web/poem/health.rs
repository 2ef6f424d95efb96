//! Health checks as endpoints.

use ::poem::{Endpoint, Request, Result};
use http::StatusCode;

use crate::session::Database;
use crate::web::readiness::Readiness;

/// The process answers: 200.
#[derive(Debug, Clone, Copy)]
pub struct Live;

impl Endpoint for Live {
    type Output = StatusCode;

    async fn call(&self, _: Request) -> Result<StatusCode> {
        Ok(StatusCode::OK)
    }
}

/// Whether requests can be served. For pending migrations, write a handler that returns
/// [`Readiness::of`] with [`Database::health_with`].
#[derive(Debug, Clone)]
pub struct Ready(pub Database);

impl Endpoint for Ready {
    type Output = Readiness;

    async fn call(&self, _: Request) -> Result<Readiness> {
        let health = self.0.health().await;
        Ok(Readiness::of(&self.0, health).await)
    }
}
