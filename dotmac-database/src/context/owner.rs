//! Whose something is, such as an entry of a cache or a lock: a tenant's, or nobody's in particular.

use super::{RequestContext, TenantId};
use crate::error::{Error, Result};

/// Entries and locks belong to the tenant of the context: the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PerTenant {}

/// Entries and locks belong to no tenant: of a cache or lock that was asked for by `global`, and the argument
/// that its functions take instead of a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Global;

/// Says whose entries or locks a call means: a context for those [`PerTenant`], [`Global`] for global ones.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whose entries or locks are meant",
    note = "a cache or lock for tenants takes the `&RequestContext`, a global one takes `Global`"
)]
pub trait Owner<S>: Sync {
    /// Whose; `what` is the name of the cache or lock, for the error.
    ///
    /// # Errors
    /// [`Error::MissingTenant`] for a context without a tenant.
    #[doc(hidden)]
    fn owner(&self, what: &str) -> Result<OwnerName>;

    /// The same, as it is written.
    ///
    /// # Errors
    /// As [`owner`](Self::owner).
    #[doc(hidden)]
    fn name(&self, what: &str) -> Result<&str>;

    /// The request of the context, if there is one.
    #[doc(hidden)]
    fn request(&self) -> Option<&str> {
        None
    }
}

impl Owner<PerTenant> for RequestContext {
    fn owner(&self, what: &str) -> Result<OwnerName> {
        let tenant = self.tenant_id().ok_or_else(|| missing(what))?;
        Ok(OwnerName(Name::Tenant(tenant.clone())))
    }

    fn name(&self, what: &str) -> Result<&str> {
        let tenant = self.tenant_id().ok_or_else(|| missing(what))?;
        Ok(tenant.as_str())
    }

    fn request(&self) -> Option<&str> {
        RequestContext::request(self)
    }
}

impl Owner<Global> for Global {
    fn owner(&self, _: &str) -> Result<OwnerName> {
        Ok(OwnerName(Name::Global))
    }

    fn name(&self, _: &str) -> Result<&str> {
        Ok(NOBODY)
    }
}

impl<S, O: Owner<S>> Owner<S> for &O {
    fn owner(&self, what: &str) -> Result<OwnerName> {
        (**self).owner(what)
    }

    fn name(&self, what: &str) -> Result<&str> {
        (**self).name(what)
    }

    fn request(&self) -> Option<&str> {
        (**self).request()
    }
}

fn missing(what: &str) -> Error {
    Error::MissingTenant {
        entity: what.to_owned(),
    }
}

/// How nobody in particular is written.
const NOBODY: &str = "*";

/// The name of an owner; it holds no `:`, and no tenant is called as nobody is.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OwnerName(Name);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Name {
    Tenant(TenantId),
    Global,
}

impl OwnerName {
    /// A tenant, or nobody.
    pub(crate) fn of(tenant: Option<TenantId>) -> Self {
        OwnerName(tenant.map_or(Name::Global, Name::Tenant))
    }

    /// The tenant, unless it is nobody's.
    pub(crate) fn tenant(&self) -> Option<&TenantId> {
        match &self.0 {
            Name::Tenant(tenant) => Some(tenant),
            Name::Global => None,
        }
    }

    /// The owner whose name is written so, if there is one.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            NOBODY => Some(OwnerName::of(None)),
            name => Some(OwnerName::of(Some(TenantId::parse(name).ok()?))),
        }
    }

    /// Whether it is this tenant.
    #[cfg(feature = "cache")]
    pub(crate) fn is_of(&self, tenant: &TenantId) -> bool {
        self.tenant() == Some(tenant)
    }

    pub(crate) fn as_str(&self) -> &str {
        match &self.0 {
            Name::Tenant(tenant) => tenant.as_str(),
            Name::Global => NOBODY,
        }
    }
}
