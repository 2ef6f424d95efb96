//! What all handlers need, and the layer around them.

use std::time::Duration;

use dotmac_database::migrate;
use dotmac_database::prelude::*;
use dotmac_database::query::CursorKey;
use dotmac_database::web::{CachedDirectory, Readiness, RequestLayer, Resolver, TenantState};
use migration::Migrator;
use migration::entity::tenant;

/// The header that names the tenant. A gateway has to set it: whoever can send it is believed.
pub const TENANT_HEADER: &str = "x-tenant";
/// The path of the liveness check.
pub const LIVE: &str = "/health/live";
/// The path of the readiness check.
pub const READY: &str = "/health/ready";
/// The path of the document that describes the routes.
pub const OPENAPI: &str = "/openapi.json";

const TIMEOUT: Duration = Duration::from_secs(10);

/// The state of the application; cheap to clone.
#[derive(Debug, Clone)]
pub struct Shop {
    /// The connections.
    pub db: Database,
    /// The secret that signs the cursors of pages.
    pub cursors: CursorKey,
}

impl Shop {
    /// The layer that gives handlers their sessions.
    pub fn layer(&self) -> RequestLayer {
        let db = self.db.clone();
        let tenants = CachedDirectory::new(move |tenant| find_tenant(db.clone(), tenant));
        RequestLayer::new(self.db.clone(), tenants)
            .resolver(Resolver::header(TENANT_HEADER))
            .open(LIVE)
            .open(READY)
            .open(OPENAPI)
            .safe_methods_read_only()
            .timeout(TIMEOUT)
    }

    /// Whether requests can be served: the start check holds, and no migration is pending.
    pub async fn readiness(&self) -> Readiness {
        let health = self
            .db
            .health_with(async |db| migrate::pending::<Migrator>(db).await);
        Readiness::of(&self.db, health.await).await
    }
}

/// The directory is the table of tenants. Policies show a tenant its own row only, so it is read as that
/// tenant.
async fn find_tenant(db: Database, tenant: TenantId) -> Result<Option<TenantState>, Error> {
    let context = RequestContext::of(tenant.clone());
    let found = db
        .read(&context, async |tx| {
            tenant::Entity::find_by_id(tenant.as_str()).one(tx).await
        })
        .await?;
    Ok(found.map(|_| TenantState::Active))
}
