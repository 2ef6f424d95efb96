//! `Verifier`: from a bearer token to who sent it.

use async_trait::async_trait;

/// What a verified token says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claims {
    pub(super) tenant: Option<String>,
    pub(super) user: Option<String>,
    pub(super) session_id: Option<String>,
}

impl Claims {
    /// Claims of a user of this tenant. It is compared with every other place that names a tenant.
    pub fn tenant(id: impl Into<String>) -> Self {
        Claims {
            tenant: Some(id.into()),
            ..Claims::default()
        }
    }

    /// The user, as audit columns and user policies see it.
    pub fn user(self, id: impl Into<String>) -> Self {
        Claims {
            user: Some(id.into()),
            ..self
        }
    }

    /// The user's session, such as a login.
    pub fn session_id(self, id: impl Into<String>) -> Self {
        Claims {
            session_id: Some(id.into()),
            ..self
        }
    }
}

/// Why a token counts for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejected {
    /// It is not valid, or not any more: 401.
    Invalid,
    /// It cannot be verified now: 503.
    Unavailable,
}

/// Verifies bearer tokens, with the library and the keys of the program.
///
/// A closure `Fn(&str) -> Result<Claims, Rejected>` is one.
#[async_trait]
pub trait Verifier: Send + Sync + 'static {
    /// The claims of the token, whose signature, expiry, issuer and audience hold.
    ///
    /// # Errors
    /// [`Rejected`].
    async fn verify(&self, token: &str) -> Result<Claims, Rejected>;
}

#[async_trait]
impl<F> Verifier for F
where
    F: Fn(&str) -> Result<Claims, Rejected> + Send + Sync + 'static,
{
    async fn verify(&self, token: &str) -> Result<Claims, Rejected> {
        self(token)
    }
}
