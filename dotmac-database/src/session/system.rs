//! `System`: sessions across all tenants, for a stated reason.

use crate::config::Tenancy;
use crate::context::{RequestContext, TenantId};
use crate::error::{Error, Result};

use super::database::Database;
use super::handle::{Session, SessionOptions};

/// Work across all tenants, from [`Database::system`].
///
/// Its sessions run as the system role, which policies show the rows of all tenants. They are like any
/// other but for the tenant: reads go over all; a new row of a tenant-aware entity names its tenant
/// ([`Error::MissingTenant`] otherwise); a row that is there keeps it ([`Error::ForeignTenant`]). Each is
/// logged as it begins, at INFO, with its reason, user and request, and the reason is the setting
/// `app.system_reason` in the database, until the transaction ends.
///
/// What is unique for each tenant only, such as a number that is the key together with the tenant, does not tell
/// rows of several tenants apart: a relation over it alone joins, and a loader finds, rows of any tenant here. Name
/// the tenant in such a relation, `from = "(tenant_id, order_number)", to = "(tenant_id, number)"`; relations over
/// `BaseModel`'s `id` need nothing.
///
/// Where tenants have schemas, a session works in one of them, by [`in_schema_of`](Self::in_schema_of).
///
/// On SQLite they run on the same connection as all others.
///
/// # Examples
/// ```no_run
/// # mod order {
/// #     use dotmac_database::prelude::*;
/// #     #[dotmac_database::model]
/// #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, TenantAware)]
/// #     #[sea_orm(table_name = "orders")]
/// #     pub struct Model { pub number: String }
/// # }
/// use dotmac_database::prelude::*;
/// use sea_orm::PaginatorTrait;
///
/// # async fn run(db: Database) -> Result<(), Error> {
/// let system = db.system("nightly invoice run")?;
/// let orders = system.read(async |tx| order::Entity::find().count(tx).await).await?;
/// # let _ = orders; Ok(()) }
/// ```
///
/// A context cannot be made into that of a system session, nor read from a message:
///
/// ```compile_fail
/// let context = dotmac_database::RequestContext::without_tenant().of_system("mine");
/// ```
#[derive(Debug, Clone)]
pub struct System {
    db: Database,
    context: RequestContext,
    /// Whose schema its sessions work in, where tenants have schemas.
    schema_of: Option<TenantId>,
}

impl System {
    pub(super) fn new(db: &Database, reason: &str) -> Result<Self> {
        let refused = |variable, reason: &str| {
            Err(Error::Config {
                variable,
                reason: reason.to_owned(),
            })
        };
        if !db.has_system() {
            return refused(
                "SYSTEM_DATABASE_URL",
                "is not set: set it to the URL of the system role's login, or call \
                 `DatabaseConfig::system_url`",
            );
        }
        let is_text = !reason.trim().is_empty() && !reason.contains('\0');
        if !is_text || reason.len() > RequestContext::MAX_LEN {
            return refused(
                "reason",
                "of a system session must say why it is needed, in 255 bytes at most",
            );
        }
        Ok(System {
            db: db.clone(),
            context: RequestContext::without_tenant().of_system(reason),
            schema_of: None,
        })
    }

    /// On behalf of the user, client and request of this context; its tenant is not taken over.
    pub fn on_behalf_of(self, context: &RequestContext) -> Self {
        let reason = self.context.system_reason().unwrap_or_default();
        let context = context.clone().of_system(reason);
        System { context, ..self }
    }

    /// In the schema of this tenant, where tenants have schemas: without one, a session finds only tables of
    /// the schemas that tenants share.
    ///
    /// The policies still show it all rows: nothing but the schema holds it to the tenant.
    ///
    /// # Errors
    /// [`Error::Config`] where tenants share tables; [`Error::InvalidSchema`] and
    /// [`Error::InvalidTenant`] for a tenant that can have no schema.
    pub fn in_schema_of(self, tenant: &TenantId) -> Result<Self> {
        if *self.db.tenancy() == Tenancy::Rows {
            return Err(Error::Config {
                variable: "schemas",
                reason: "is off, tenants share tables, and a system session reaches the rows of all:                          name the tenant in its statements"
                    .to_owned(),
            });
        }
        self.db.path(Some(tenant))?;
        Ok(System {
            schema_of: Some(tenant.clone()),
            ..self
        })
    }

    /// Runs a unit of work that writes: committed where `work` is `Ok`, rolled back otherwise.
    ///
    /// # Errors
    /// Those of `work`, of [`begin`](Self::begin), and of [`Session::commit`].
    ///
    /// # Cancel safety
    /// As [`Database::write`].
    pub async fn write<T, E>(
        &self,
        work: impl AsyncFnOnce(&Session) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.run(SessionOptions::default(), work).await
    }

    /// Runs a unit of work that reads, in a READ ONLY transaction on the primary.
    ///
    /// # Errors
    /// Those of `work`, and of [`begin`](Self::begin).
    ///
    /// # Cancel safety
    /// Safe at any point.
    pub async fn read<T, E>(&self, work: impl AsyncFnOnce(&Session) -> Result<T, E>) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.run(SessionOptions::read_only(), work).await
    }

    /// Opens a session that writes.
    ///
    /// # Errors
    /// At the first one: [`Error::BypassesRls`] for a login that policies do not bind at all,
    /// [`Error::Config`] for one that they show no rows, such as the application's, or that can change
    /// tables, as the migrator's can, and those of
    /// [`Database::connect`].
    ///
    /// # Cancel safety
    /// Safe at any point.
    pub async fn begin(&self) -> Result<Session> {
        self.begin_with(SessionOptions::default()).await
    }

    /// Opens a session with other options.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    ///
    /// # Cancel safety
    /// Safe at any point.
    pub async fn begin_with(&self, options: SessionOptions) -> Result<Session> {
        let path = self.db.path(self.schema_of.as_ref())?;
        let cluster = self.db.system_cluster().await?;
        tracing::info!(
            name: "dotmac.system.begin",
            reason = self.context.system_reason(),
            user = self.context.user_id(),
            request = self.context.request(),
            read_only = options.read_only,
            "a session across all tenants begins"
        );
        let context = self.context.clone();
        Ok(Session::open(
            cluster,
            context,
            path,
            options,
            self.db.hold(),
        ))
    }

    async fn run<T, E>(
        &self,
        options: SessionOptions,
        work: impl AsyncFnOnce(&Session) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.begin_with(options).await?.run(work).await
    }
}
