//! `RequestContext`: immutable, cheap to clone, handed along explicitly.

use std::net::IpAddr;
use std::sync::Arc;

use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};

use super::handover::context_of;
use super::tenant::TenantId;
use crate::error::{Error, Result};

/// Who asks, for which tenant, in which request.
///
/// Every session carries one into PostgreSQL, where policies, defaults and triggers read it. What
/// is not given is empty for the whole session, never left over from another one. Nothing here checks
/// that the tenant exists, or that the user belongs to it: whoever makes the context does.
///
/// ```
/// use dotmac_database::RequestContext;
///
/// # fn main() -> dotmac_database::Result<()> {
/// let context = RequestContext::tenant("acme")?.user("u-7")?.request_id("r-1")?;
/// assert_eq!(context.user_id(), Some("u-7"));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RequestContext(Arc<Fields>);

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Fields {
    tenant: Option<TenantId>,
    user: Option<Text>,
    client_ip: Option<IpAddr>,
    request_id: Option<Text>,
    session_id: Option<Text>,
    /// Why all tenants are reached, in a system session. No message of a queue can say so.
    #[serde(skip)]
    system: Option<Arc<str>>,
}

impl RequestContext {
    /// The longest user, request or session id, in bytes: what the audit columns hold.
    pub const MAX_LEN: usize = 255;

    /// A context of the tenant with this id.
    ///
    /// # Errors
    /// [`Error::InvalidTenant`].
    pub fn tenant(id: &str) -> Result<Self> {
        Ok(Self::of(TenantId::parse(id)?))
    }

    /// A context of `tenant`.
    pub fn of(tenant: TenantId) -> Self {
        RequestContext(Arc::new(Fields {
            tenant: Some(tenant),
            ..Fields::default()
        }))
    }

    /// A context of no tenant: tenant-aware entities are out of its reach.
    pub fn without_tenant() -> Self {
        Self::default()
    }

    /// The user, as audit columns and user policies see it.
    ///
    /// # Errors
    /// [`Error::InvalidContext`] for an empty text, NUL, or more than 255 bytes.
    pub fn user(self, id: &str) -> Result<Self> {
        let user = Text::parse("user", id)?;
        Ok(self.with(|fields| fields.user = Some(user)))
    }

    /// The address the request came from.
    pub fn client_ip(self, ip: IpAddr) -> Self {
        self.with(|fields| fields.client_ip = Some(ip))
    }

    /// The request, as audit columns see it.
    ///
    /// # Errors
    /// [`Error::InvalidContext`] for an empty text, NUL, or more than 255 bytes.
    pub fn request_id(self, id: &str) -> Result<Self> {
        let request = Text::parse("request_id", id)?;
        Ok(self.with(|fields| fields.request_id = Some(request)))
    }

    /// The user's session, such as a login.
    ///
    /// # Errors
    /// [`Error::InvalidContext`] for an empty text, NUL, or more than 255 bytes.
    pub fn session_id(self, id: &str) -> Result<Self> {
        let session = Text::parse("session_id", id)?;
        Ok(self.with(|fields| fields.session_id = Some(session)))
    }

    /// The context of a connection, if that is a session: for hooks, which see a connection only.
    pub fn of_connection<C: ConnectionTrait>(db: &C) -> Option<Self> {
        context_of(db)
    }

    /// The tenant.
    pub fn tenant_id(&self) -> Option<&TenantId> {
        self.0.tenant.as_ref()
    }

    /// The user.
    pub fn user_id(&self) -> Option<&str> {
        self.0.user.as_ref().map(Text::as_str)
    }

    /// The client's address.
    pub fn ip(&self) -> Option<IpAddr> {
        self.0.client_ip
    }

    /// The request.
    pub fn request(&self) -> Option<&str> {
        self.0.request_id.as_ref().map(Text::as_str)
    }

    /// Why it reaches all tenants, if it is that of a [`System`](crate::System) session; only
    /// [`Database::system`](crate::Database::system) makes one.
    pub fn system_reason(&self) -> Option<&str> {
        self.0.system.as_deref()
    }

    /// The user's session.
    pub fn session(&self) -> Option<&str> {
        self.0.session_id.as_ref().map(Text::as_str)
    }

    /// The same, for all tenants.
    pub(crate) fn of_system(self, reason: &str) -> Self {
        self.with(|fields| {
            fields.tenant = None;
            fields.system = Some(reason.into());
        })
    }

    /// The same, for no tenant where it was for all.
    pub(crate) fn of_request(self) -> Self {
        match self.system_reason() {
            Some(_) => self.with(|fields| fields.system = None),
            None => self,
        }
    }

    /// Whose rows of `entity` it reaches: one tenant's, or all (`None`).
    pub(crate) fn reach(&self, entity: impl FnOnce() -> String) -> Result<Option<&TenantId>> {
        match (self.tenant_id(), self.system_reason()) {
            (Some(tenant), _) => Ok(Some(tenant)),
            (None, Some(_)) => Ok(None),
            (None, None) => Err(Error::MissingTenant { entity: entity() }),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Fields)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

/// A text that PostgreSQL stores to the letter and that fits the audit columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Text(String);

impl Text {
    fn parse(field: &'static str, text: &str) -> Result<Self> {
        let reason = if text.contains('\0') {
            "it holds NUL, which PostgreSQL cannot store"
        } else if text.len() > RequestContext::MAX_LEN {
            "it is longer than 255 bytes"
        } else if text.is_empty() {
            "it is empty: leave it out instead"
        } else {
            return Ok(Text(text.to_owned()));
        };
        Err(Error::InvalidContext { field, reason })
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Text {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Text::parse("context", &text)
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0
    }
}
