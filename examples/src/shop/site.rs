//! What all handlers need, and the layer around them.

use std::time::Duration;

use dotmac_database::Global;
use dotmac_database::cache::{CacheClient, CacheOptions, EntityCache, Loaded, SmartCache};
use dotmac_database::lock::Locks;
use dotmac_database::migrate;
use dotmac_database::prelude::*;
use dotmac_database::query::CursorKey;
use dotmac_database::web::{Readiness, RequestLayer, Resolver, TenantState};
use migration::Migrator;
use migration::entity::{order, tenant};

use super::operator::Operator;

/// The header that names the tenant. A gateway has to set it: whoever can send it is believed.
pub const TENANT_HEADER: &str = "x-tenant";
/// The path of the liveness check.
pub const LIVE: &str = "/health/live";
/// The path of the readiness check.
pub const READY: &str = "/health/ready";
/// The path of the document that describes the routes.
pub const OPENAPI: &str = "/openapi.json";
/// The path of what the caches do. A gateway would keep it to those who operate the application.
pub const CACHE_STATS: &str = "/cache/stats";

/// For how long a tenant that is taken out of the table may still be served.
const TENANT_TTL: Duration = Duration::from_secs(30);
/// For how long an order is cached that nobody changes.
const ORDER_TTL: Duration = Duration::from_secs(300);
const TIMEOUT: Duration = Duration::from_secs(10);

/// The state of the application; cheap to clone.
#[derive(Debug, Clone)]
pub struct Shop {
    /// The connections.
    pub db: Database,
    /// The secret that signs the cursors of pages.
    pub cursors: CursorKey,
    /// The caches: in Redis as well, where there is one.
    pub cache: CacheClient,
    /// The orders, by their ids.
    pub orders: EntityCache<order::Entity>,
    /// Which tenants there are.
    tenants: SmartCache<bool, Global>,
    /// The locks of all tenants.
    pub locks: Locks,
    /// Who may see and break them.
    pub operator: Operator,
}

impl Shop {
    /// The application on a database.
    ///
    /// # Errors
    /// None that depends on the arguments.
    pub fn new(
        db: Database,
        cursors: CursorKey,
        cache: CacheClient,
        locks: Locks,
        operator: Operator,
    ) -> Result<Self, Error> {
        let following = cache.follow(&db)?;
        Ok(Shop {
            db,
            cursors,
            locks,
            operator,
            orders: EntityCache::new(&following, CacheOptions::new(ORDER_TTL))?,
            tenants: SmartCache::global("tenants", &cache, CacheOptions::new(TENANT_TTL))?,
            cache,
        })
    }

    /// The layer that gives handlers their sessions.
    pub fn layer(&self) -> RequestLayer {
        let shop = self.clone();
        let tenants = move |tenant: TenantId| {
            let shop = shop.clone();
            async move { shop.find_tenant(tenant).await }
        };
        RequestLayer::new(self.db.clone(), tenants)
            .resolver(Resolver::header(TENANT_HEADER))
            .open(LIVE)
            .open(READY)
            .open(OPENAPI)
            .open(CACHE_STATS)
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

    /// The directory is the table of tenants, behind a cache. A tenant that is not there is looked for again
    /// by each request, so that a new one is served at once.
    async fn find_tenant(&self, tenant: TenantId) -> Result<Option<TenantState>, Error> {
        let (db, id) = (self.db.clone(), tenant.clone());
        let load = move || async move {
            Ok::<_, Error>(match is_there(&db, id).await? {
                true => Loaded::value(true),
                false => Loaded::nothing().not_kept(),
            })
        };
        let found = self.tenants.get_or_load(Global, tenant.as_str(), load);
        Ok(found.await?.map(|_| TenantState::Active))
    }
}

/// Policies show a tenant its own row only, so the table is read as that tenant.
async fn is_there(db: &Database, tenant: TenantId) -> Result<bool, Error> {
    let context = RequestContext::of(tenant.clone());
    let found = db
        .read(&context, async |tx| {
            tenant::Entity::find_by_id(tenant.as_str()).one(tx).await
        })
        .await?;
    Ok(found.is_some())
}
