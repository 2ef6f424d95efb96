//! `Readiness`: the answer of a readiness check.

use std::time::Duration;

use http::StatusCode;
use serde::Serialize;

use crate::session::{Database, Health};

/// How long the start check may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Whether the program can serve requests: 200 or 503, with a JSON body that holds no secrets.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Readiness {
    /// Whether all is well.
    pub ready: bool,
    /// Whether the start check holds now: the database keeps tenants apart.
    pub protected: bool,
    /// The database, its replicas, and the migrations where those were asked for.
    pub database: Health,
    /// Whether Redis answers, where that was asked for. It is no reason not to be ready: without it, values
    /// are loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis: Option<bool>,
}

impl Readiness {
    /// Runs the start check, and adds it to `health`: that of [`Database::health`], or of
    /// [`Database::health_with`] where pending migrations count.
    pub async fn of(db: &Database, health: Health) -> Self {
        let protected = match tokio::time::timeout(TIMEOUT, db.check()).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the start check fails");
                false
            }
            Err(_) => false,
        };
        Readiness {
            ready: protected && health.is_ready(),
            protected,
            database: health,
            redis: None,
        }
    }

    /// The same, with the Redis of a cache.
    #[cfg(feature = "cache")]
    pub async fn with_cache(self, cache: &crate::cache::CacheClient) -> Self {
        Readiness {
            redis: Some(cache.answers().await),
            ..self
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self.ready {
            true => StatusCode::OK,
            false => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}
