//! `Tenants`: one way to the database of a tenant, wherever its rows are.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::{DatabaseName, Databases, Placement, Placements};
use crate::config::Tenancy;
use crate::context::{RequestContext, SearchPath, TenantId};
use crate::error::{Error, Result, TenancyError};
use crate::session::{Database, Session};

/// Finds the database of a tenant: the one that tenants share, by rows or by schemas, or another one.
///
/// A [`Database`] is one as it is, for tenants that are all placed alike. Clones are cheap.
///
/// ```no_run
/// use dotmac_database::prelude::*;
/// use dotmac_database::tenancy::{CachedPlacements, Databases, Placement, Tenants};
///
/// # async fn run(db: Database, databases: Databases) -> Result<(), Error> {
/// // Where each tenant is: usually a query of a table, here the same for all.
/// let placements = CachedPlacements::new(|_: TenantId| async { Ok(Some(Placement::Schema)) });
/// let tenants = Tenants::new(db, placements).databases(databases);
///
/// let acme = RequestContext::tenant("acme")?;
/// tenants.write(&acme, async |tx| tx.execute_unprepared("SELECT 1").await).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Tenants {
    /// For contexts without a tenant, and for all where nobody knows of placements.
    shared: Database,
    /// The same for tenants that are not placed as its configuration says, once there is one.
    other: Arc<OnceCell<Database>>,
    placements: Option<Arc<dyn Placements>>,
    databases: Option<Databases>,
}

/// Where a tenant is.
pub(super) enum Found {
    /// In the shared database, through this handle of it.
    Shared(Database),
    /// In another one.
    Other(DatabaseName),
}

impl Tenants {
    /// The tenants whose places `placements` knows; those placed by [`Rows`](Placement::Rows) and
    /// [`Schema`](Placement::Schema) are in `db`.
    ///
    /// Tenants with a schema have the search path of `db`'s configuration, or else their schema only.
    ///
    /// The start check of `db` has looked at the tables of tenants that are placed as its configuration says.
    /// Those of the others are checked once, when the first of their tenants is asked for; to learn of them at
    /// the start, call [`check`](Database::check) on [`with_tenancy`](Database::with_tenancy).
    pub fn new(db: Database, placements: impl Placements) -> Self {
        Tenants {
            placements: Some(Arc::new(placements)),
            ..Self::from(db)
        }
    }

    /// Where tenants are that have another [`Database`](Placement::Database).
    pub fn databases(self, databases: Databases) -> Self {
        Tenants {
            databases: Some(databases),
            ..self
        }
    }

    /// The database that tenants share.
    pub fn shared(&self) -> &Database {
        &self.shared
    }

    /// The database of the context's tenant, or the shared one where it has none. Keep the handle for as
    /// long as it is used, and not for longer: it may keep a database open.
    ///
    /// # Errors
    /// [`TenancyError::UnknownTenant`]; [`Error::Unsupported`] for a schema on SQLite; [`Error::Config`]
    /// for a tenant in another database where no [`databases`](Self::databases) are known; those of the
    /// placements, of [`Databases::database`] and of [`Database::check`], until it succeeds.
    ///
    /// # Cancel safety
    /// Safe at any point.
    pub async fn of(&self, context: &RequestContext) -> Result<Database> {
        match context.tenant_id() {
            Some(tenant) => self.of_tenant(tenant).await,
            None => Ok(self.shared.clone()),
        }
    }

    /// The database of a tenant.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    ///
    /// # Cancel safety
    /// Safe at any point.
    pub async fn of_tenant(&self, tenant: &TenantId) -> Result<Database> {
        let name = match self.find(tenant).await? {
            Found::Shared(db) => return self.checked(db).await,
            Found::Other(name) => name,
        };
        match &self.databases {
            Some(databases) => databases.database(&name).await,
            None => Err(Error::Config {
                variable: "databases",
                reason: format!(
                    "are unknown, and a tenant is in \"{name}\": call `Tenants::databases`"
                ),
            }),
        }
    }

    /// Where a tenant is; nothing is connected.
    pub(super) async fn find(&self, tenant: &TenantId) -> Result<Found> {
        let Some(placements) = &self.placements else {
            return Ok(Found::Shared(self.shared.clone()));
        };
        let placement = placements.find(tenant).await?;
        let placement = placement.ok_or_else(|| TenancyError::UnknownTenant {
            tenant: tenant.to_string(),
        })?;
        let db = match (placement, self.shared.tenancy()) {
            (Placement::Rows, Tenancy::Rows) | (Placement::Schema, Tenancy::Schemas(_)) => {
                self.shared.clone()
            }
            (Placement::Rows, _) => self.shared.with_tenancy(Tenancy::Rows)?,
            (Placement::Schema, _) => {
                let own = Tenancy::Schemas(SearchPath::tenant());
                self.shared.with_tenancy(own)?
            }
            (Placement::Database(name), _) => return Ok(Found::Other(name)),
        };
        Ok(Found::Shared(db))
    }

    /// The shared database, once the tables of tenants that are placed so are checked.
    async fn checked(&self, db: Database) -> Result<Database> {
        if db.tenancy() == self.shared.tenancy() {
            return Ok(db);
        }
        let check = async || {
            db.start_check().await?;
            Ok(db)
        };
        self.other.get_or_try_init(check).await.cloned()
    }

    /// Where tenants are that are not in the shared database.
    #[cfg(feature = "cache")]
    pub(super) fn others(&self) -> Option<&Databases> {
        self.databases.as_ref()
    }

    /// Runs a unit of work that writes, in the database of the tenant.
    ///
    /// # Errors
    /// Those of [`of`](Self::of), and of [`Database::write`].
    ///
    /// # Cancel safety
    /// As [`Database::write`].
    pub async fn write<T, E>(
        &self,
        context: &RequestContext,
        work: impl AsyncFnOnce(&Session) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.of(context).await?.write(context, work).await
    }

    /// Runs a unit of work that reads, in the database of the tenant.
    ///
    /// # Errors
    /// Those of [`of`](Self::of), and of [`Database::read`].
    ///
    /// # Cancel safety
    /// Safe at any point.
    pub async fn read<T, E>(
        &self,
        context: &RequestContext,
        work: impl AsyncFnOnce(&Session) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.of(context).await?.read(context, work).await
    }

    /// Opens a session that writes, in the database of the tenant, which stays open for as long as the
    /// session lives.
    ///
    /// # Errors
    /// Those of [`of`](Self::of), and of [`Database::begin`].
    ///
    /// # Cancel safety
    /// Safe at any point.
    pub async fn begin(&self, context: &RequestContext) -> Result<Session> {
        self.of(context).await?.begin(context)
    }
}

impl From<Database> for Tenants {
    /// All tenants are in this database, as it is.
    fn from(db: Database) -> Self {
        Tenants {
            shared: db,
            other: Arc::default(),
            placements: None,
            databases: None,
        }
    }
}

impl std::fmt::Debug for Tenants {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tenants")
            .field("shared", &self.shared)
            .field("databases", &self.databases)
            .finish_non_exhaustive()
    }
}
