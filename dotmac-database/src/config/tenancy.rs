//! `Tenancy`: how the database holds tenants apart.

use crate::context::{SearchPath, SessionPath, TenantId};
use crate::error::{Error, Result};

/// How sessions find the rows of their tenant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Tenancy {
    /// In tables that tenants share, held apart by row-level security.
    #[default]
    Rows,
    /// In a schema for each tenant, which every session has in its search path.
    Schemas(SearchPath),
}

impl Tenancy {
    /// Refuses what the database cannot do, or would be no boundary.
    pub(crate) fn check(&self, url: &str) -> Result<()> {
        let Tenancy::Schemas(path) = self else {
            return Ok(());
        };
        if url.starts_with("sqlite:") {
            return Err(Error::Unsupported {
                what: "a schema for each tenant",
                backend: "SQLite",
            });
        }
        path.check()
    }

    /// The search path of a session, where the session has to set one.
    pub(crate) fn path(&self, tenant: Option<&TenantId>) -> Result<Option<SessionPath>> {
        match self {
            Tenancy::Rows => Ok(None),
            Tenancy::Schemas(path) => path.of(tenant).map(Some),
        }
    }
}
