//! From a request to its context, before any work of its session.

use http::{StatusCode, header};

use super::claims::{Claims, Rejected};
use super::incoming::Incoming;
use super::layer::Settings;
use super::problem::Problem;
use crate::context::{RequestContext, TenantId};
use crate::error::{Error, TenancyError};
use crate::session::Database;
use crate::tenancy::TenantState;

/// How many seconds a client waits for a tenant that is not served yet.
const RETRY_AFTER: u32 = 5;

impl Settings {
    /// The context of the request and the database of its tenant, or why it has none.
    pub async fn admit(
        &self,
        incoming: &Incoming<'_>,
        id: &str,
    ) -> Result<(RequestContext, Database), Problem> {
        let context = if self.open.contains(incoming.uri.path()) {
            RequestContext::without_tenant()
        } else {
            self.admit_tenant(incoming).await?
        };
        let address = match &self.proxies {
            Some(proxies) => proxies.client(incoming),
            None => incoming.peer.map(|peer| peer.to_canonical()),
        };
        let context = match address {
            Some(address) => context.client_ip(address),
            None => context,
        };
        let context = context.request_id(id)?;
        let db = self.tenants.of(&context).await.map_err(unplaced)?;
        Ok((context, db))
    }

    async fn admit_tenant(&self, incoming: &Incoming<'_>) -> Result<RequestContext, Problem> {
        let claims = self.claims(incoming).await?;
        let tenant = self.tenant(incoming, claims.as_ref())?;
        self.check(&tenant).await?;
        with_claims(RequestContext::of(tenant), claims.unwrap_or_default())
    }

    async fn claims(&self, incoming: &Incoming<'_>) -> Result<Option<Claims>, Problem> {
        let Some(verifier) = &self.verifier else {
            return Ok(None);
        };
        let token = bearer(incoming).ok_or_else(Problem::unauthorized)?;
        match verifier.verify(token).await {
            Ok(claims) => Ok(Some(claims)),
            Err(Rejected::Invalid) => Err(Problem::unauthorized()),
            Err(Rejected::Unavailable) => Err(Problem::unavailable()),
        }
    }

    /// The tenant that all places agree on.
    fn tenant(
        &self,
        incoming: &Incoming<'_>,
        claims: Option<&Claims>,
    ) -> Result<TenantId, Problem> {
        let claimed = claims.and_then(|claims| claims.tenant.clone());
        let named = self.resolvers.iter();
        let mut named = named.flat_map(|resolver| resolver.answers(incoming, claims));
        let Some(first) = named.next().or_else(|| claimed.clone()) else {
            return Err(self.missing());
        };
        let is_foreign = claims.is_some() && claimed.as_ref() != Some(&first);
        if is_foreign || named.any(|other| other != first) {
            return Err(Problem::new(StatusCode::FORBIDDEN)
                .code("tenant_mismatch")
                .title("The tenant is not the one that the request may name"));
        }
        TenantId::parse(&first).map_err(|_| unknown())
    }

    async fn check(&self, tenant: &TenantId) -> Result<(), Problem> {
        match self.directory.find(tenant).await {
            Ok(Some(TenantState::Active)) => Ok(()),
            Ok(Some(state)) => Err(not_served(state)),
            Ok(None) => Err(unknown()),
            Err(error) => Err(Problem::unavailable().caused_by(error)),
        }
    }

    fn missing(&self) -> Problem {
        if self.missing_is_unauthorized {
            return Problem::unauthorized();
        }
        Problem::new(StatusCode::BAD_REQUEST)
            .code("missing_tenant")
            .title("The request names no tenant")
    }
}

fn with_claims(context: RequestContext, claims: Claims) -> Result<RequestContext, Problem> {
    // What a token says and cannot be stored is the token's fault.
    let with_user = match &claims.user {
        Some(user) => context.user(user),
        None => Ok(context),
    };
    let with_session = match (with_user, &claims.session_id) {
        (Ok(context), Some(session)) => context.session_id(session),
        (context, _) => context,
    };
    with_session.map_err(|_| Problem::unauthorized())
}

fn unplaced(error: Error) -> Problem {
    match error {
        Error::Tenancy(TenancyError::UnknownTenant { .. }) => unknown(),
        error => Problem::unavailable().caused_by(error),
    }
}

fn unknown() -> Problem {
    Problem::new(StatusCode::NOT_FOUND)
        .code("unknown_tenant")
        .title("There is no such tenant")
}

fn not_served(state: TenantState) -> Problem {
    match state {
        TenantState::Suspended => Problem::new(StatusCode::FORBIDDEN)
            .code("tenant_suspended")
            .title("The tenant is suspended"),
        TenantState::Archived => Problem::new(StatusCode::FORBIDDEN)
            .code("tenant_archived")
            .title("The tenant is archived"),
        TenantState::Creating => come_again("tenant_creating", "The tenant is being made"),
        _ => come_again("tenant_unavailable", "The tenant cannot be served now"),
    }
}

fn come_again(code: &str, title: &str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE)
        .code(code)
        .title(title)
        .retry_after(RETRY_AFTER)
}

/// The token of the one `Authorization` header.
fn bearer<'r>(incoming: &Incoming<'r>) -> Option<&'r str> {
    let mut values = incoming.values(header::AUTHORIZATION.as_str());
    let (only, None) = (values.next()?, values.next()) else {
        return None;
    };
    let (scheme, token) = only.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
