//! `RequestLayer`: the settings, as axum's layer and poem's middleware.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::address::{Proxies, ProxyHeader};
use super::claims::Verifier;
use super::directory::TenantDirectory;
use super::problem::Problem;
use super::resolver::Resolver;
use crate::error::Error;
use crate::tenancy::Tenants;

/// Finds out for whom a request is, gives its handler a session, and ends that with the response.
///
/// It is a `tower::Layer` for axum and a `Middleware` for poem, cheap to clone.
///
/// # Guarantees
/// - A request reaches a handler only for a tenant that the directory knows and does not suspend, and
///   that no two places of the request name differently.
/// - The session is committed before the response leaves if its status is a success or a redirect, and
///   rolled back otherwise: also after a panic, in a timeout, or when the client is gone. A COMMIT that
///   fails is never a success.
#[derive(Clone)]
pub struct RequestLayer(pub(super) Arc<Settings>);

#[derive(Clone)]
pub(super) struct Settings {
    pub tenants: Tenants,
    pub directory: Arc<dyn TenantDirectory>,
    pub resolvers: Vec<Resolver>,
    pub verifier: Option<Arc<dyn Verifier>>,
    pub open: HashSet<String>,
    pub missing_is_unauthorized: bool,
    pub proxies: Option<Proxies>,
    pub safe_methods_read_only: bool,
    pub timeout: Option<Duration>,
    pub problems: Option<fn(&Error) -> Option<Problem>>,
}

impl RequestLayer {
    /// A layer for the tenants of `directory`. It refuses every request until it is told where the tenant
    /// is named: [`resolver`](Self::resolver).
    ///
    /// Their rows are in one [`Database`](crate::Database), or where [`Tenants`] finds them.
    pub fn new(tenants: impl Into<Tenants>, directory: impl TenantDirectory) -> Self {
        RequestLayer(Arc::new(Settings {
            tenants: tenants.into(),
            directory: Arc::new(directory),
            resolvers: Vec::new(),
            verifier: None,
            open: HashSet::new(),
            missing_is_unauthorized: false,
            proxies: None,
            safe_methods_read_only: false,
            timeout: None,
            problems: None,
        }))
    }

    /// Adds a place that may name the tenant, after those before it.
    pub fn resolver(self, resolver: Resolver) -> Self {
        self.with(|settings| settings.resolvers.push(resolver))
    }

    /// Asks every request for a bearer token (401 without a valid one). The tenant that the token names
    /// counts like that of [`Resolver::claim`], and a token that names none gives access to none (403).
    pub fn verifier(self, verifier: impl Verifier) -> Self {
        self.with(|settings| settings.verifier = Some(Arc::new(verifier)))
    }

    /// Serves a path, to the letter, without a tenant and without a token, such as that of a health check.
    /// Whatever the request says of a tenant is not looked at.
    pub fn open(self, path: &str) -> Self {
        self.with(|settings| {
            settings.open.insert(path.to_owned());
        })
    }

    /// Answers a request that names no tenant with 401 instead of 400.
    pub fn missing_is_unauthorized(self) -> Self {
        self.with(|settings| settings.missing_is_unauthorized = true)
    }

    /// Believes what proxies in these networks say of the client's address; by default none is believed.
    pub fn trust_proxies(
        self,
        header: ProxyHeader,
        networks: impl IntoIterator<Item = IpNet>,
    ) -> Self {
        let networks = networks.into_iter().collect();
        self.with(|settings| settings.proxies = Some(Proxies { header, networks }))
    }

    /// Makes the sessions of GET and HEAD read only.
    pub fn safe_methods_read_only(self) -> Self {
        self.with(|settings| settings.safe_methods_read_only = true)
    }

    /// Ends a handler that takes longer: 503, and rolled back. By default it may take for ever.
    ///
    /// A COMMIT under way is not stopped.
    pub fn timeout(self, limit: Duration) -> Self {
        self.with(|settings| settings.timeout = Some(limit))
    }

    /// Asks `map` first what a client is told of an error of the database.
    pub fn problems(self, map: fn(&Error) -> Option<Problem>) -> Self {
        self.with(|settings| settings.problems = Some(map))
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

impl std::fmt::Debug for RequestLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestLayer")
            .field("tenants", &self.0.tenants)
            .field("timeout", &self.0.timeout)
            .finish_non_exhaustive()
    }
}
