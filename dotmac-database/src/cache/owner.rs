//! Whose an entry is: a tenant's, or nobody's in particular.

use crate::context::{RequestContext, TenantId};
use crate::error::{Error, Result};

/// Entries belong to the tenant of the context: the default of a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PerTenant {}

/// Entries belong to no tenant: of a cache that was asked for by [`SmartCache::global`], and the argument
/// that its functions take instead of a context.
///
/// [`SmartCache::global`]: super::SmartCache::global
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Global;

/// Says whose entries a call means: a context for a cache [`PerTenant`], [`Global`] for a global one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whose entries of this cache are meant",
    note = "a cache for tenants takes the `&RequestContext`, a global one takes `Global`"
)]
pub trait Owner<S>: Sync {
    /// Whose entries.
    ///
    /// # Errors
    /// [`Error::MissingTenant`] for a context without a tenant.
    #[doc(hidden)]
    fn owner(&self, namespace: &str) -> Result<OwnerName>;
}

impl Owner<PerTenant> for RequestContext {
    fn owner(&self, namespace: &str) -> Result<OwnerName> {
        match self.tenant_id() {
            Some(tenant) => Ok(OwnerName(Name::Tenant(tenant.clone()))),
            None => Err(Error::MissingTenant {
                entity: namespace.to_owned(),
            }),
        }
    }
}

impl Owner<Global> for Global {
    fn owner(&self, _: &str) -> Result<OwnerName> {
        Ok(OwnerName(Name::Global))
    }
}

impl<S, O: Owner<S>> Owner<S> for &O {
    fn owner(&self, namespace: &str) -> Result<OwnerName> {
        (**self).owner(namespace)
    }
}

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
    /// The owner whose name is written so, if there is one.
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "*" => Some(OwnerName(Name::Global)),
            name => Some(OwnerName(Name::Tenant(TenantId::parse(name).ok()?))),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        match &self.0 {
            Name::Tenant(tenant) => tenant.as_str(),
            Name::Global => "*",
        }
    }
}
