//! The directory of tenants that is kept in the database, as requests ask it.

use async_trait::async_trait;

use super::directory::TenantDirectory;
use crate::context::TenantId;
use crate::error::{Error, Result};
use crate::session::Database;
use crate::tenancy::{Directory, TenantState};

/// Asks a [`Directory`] in a read session of the tenant's own: a round trip for each request, so wrap it
/// in a [`CachedDirectory`](super::CachedDirectory).
#[derive(Debug, Clone)]
pub struct StoredDirectory {
    directory: Directory,
    db: Database,
}

impl StoredDirectory {
    /// The directory in this database.
    pub fn new(directory: Directory, db: Database) -> Self {
        StoredDirectory { directory, db }
    }
}

#[async_trait]
impl TenantDirectory for StoredDirectory {
    async fn find(&self, tenant: &TenantId) -> Result<Option<TenantState>> {
        match self.directory.find(tenant, &self.db).await {
            Ok(found) => Ok(found.map(|record| record.state)),
            // What cannot be a tenant of this program is none.
            Err(Error::InvalidTenant { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
