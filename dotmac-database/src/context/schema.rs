//! `SchemaName`: a PostgreSQL schema in one spelling only, and the tenant that it belongs to.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::TenantId;
use crate::error::{Error, Result, TenancyError};
use crate::ident::quote;

/// The name of a schema that the library works in.
///
/// 1 to 63 of the ASCII lower-case letters, digits, `_` and `-`, beginning with a letter or `_`. Names
/// that PostgreSQL or the library gives a meaning of their own (`pg_…`, `information_schema`, `public`)
/// are refused. It is always quoted in SQL.
///
/// A tenant's schema is `tenant_<id>` ([`of`](Self::of)), and no two tenants have the same: an id that
/// would have to be folded or cut to make a name is refused instead.
///
/// ```
/// use dotmac_database::{SchemaName, TenantId};
///
/// # fn main() -> dotmac_database::Result<()> {
/// let schema = SchemaName::of(&TenantId::parse("acme")?)?;
/// assert_eq!(schema.as_str(), "tenant_acme");
/// assert_eq!(schema.tenant(), Some(TenantId::parse("acme")?));
/// assert!(SchemaName::of(&TenantId::parse("Acme")?).is_err());
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SchemaName(Arc<str>);

impl SchemaName {
    /// The longest name, in bytes: PostgreSQL cuts what is longer.
    pub const MAX_LEN: usize = 63;
    /// What a tenant's schema begins with.
    pub const TENANT_PREFIX: &str = "tenant_";

    /// Parses a name.
    ///
    /// # Errors
    /// [`Error::InvalidSchema`], which says what a name must be.
    pub fn parse(name: &str) -> Result<Self> {
        let reason = if name.is_empty() {
            "it is empty"
        } else if name.len() > Self::MAX_LEN {
            "it is longer than 63 bytes"
        } else if !name.bytes().all(is_plain) {
            "it may hold ASCII lower-case letters, digits, `_` and `-` only"
        } else if name.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            "it must begin with a letter or `_`"
        } else if name.starts_with("pg_") || matches!(name, "information_schema" | "public") {
            "the name is reserved"
        } else {
            return Ok(SchemaName(name.into()));
        };
        Err(Error::InvalidSchema {
            reason: reason.to_owned(),
        })
    }

    /// The schema of a tenant.
    ///
    /// # Errors
    /// [`Error::InvalidSchema`] where the tenant's id has upper-case letters or `.`, or is longer than 56
    /// bytes.
    pub fn of(tenant: &TenantId) -> Result<Self> {
        let name = format!("{}{tenant}", Self::TENANT_PREFIX);
        Self::parse(&name).map_err(|_| Error::InvalidSchema {
            reason: format!(
                "tenant \"{tenant}\" cannot have one: its id must be 56 bytes at most, of lower-case \
                 letters, digits, `_` and `-`"
            ),
        })
    }

    /// The tenant whose schema has this name, if it is one of a tenant.
    pub fn tenant(&self) -> Option<TenantId> {
        TenantId::parse(self.0.strip_prefix(Self::TENANT_PREFIX)?).ok()
    }

    /// Refuses a name that is another tenant's.
    pub(crate) fn refuse_for_other_than(&self, tenant: &TenantId) -> Result<()> {
        match self.tenant() {
            Some(other) if other != *tenant => Err(TenancyError::SchemaOfOther {
                schema: self.to_string(),
                tenant: other.to_string(),
            }
            .into()),
            _ => Ok(()),
        }
    }

    /// Refuses a name that sessions of the tenant do not look for.
    pub(crate) fn refuse_out_of_sight(&self, tenant: &TenantId) -> Result<()> {
        let expected = Self::of(tenant)?;
        if *self == expected {
            return Ok(());
        }
        Err(TenancyError::SchemaOutOfSight {
            tenant: tenant.to_string(),
            schema: self.to_string(),
            expected: expected.to_string(),
        }
        .into())
    }

    /// The name, unquoted.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as an SQL identifier.
    pub fn sql(&self) -> String {
        quote(&self.0)
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte)
}

impl fmt::Display for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SchemaName({})", self.0)
    }
}

impl TryFrom<String> for SchemaName {
    type Error = Error;

    fn try_from(name: String) -> Result<Self> {
        Self::parse(&name)
    }
}

impl std::str::FromStr for SchemaName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::parse(name)
    }
}

impl From<SchemaName> for String {
    fn from(name: SchemaName) -> Self {
        name.0.as_ref().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn i50_hostile_names_are_refused() {
        let long = "a".repeat(64);
        let hostile = [
            "",
            "a\"; DROP SCHEMA public; --",
            "a'b",
            "a b",
            "a.b",
            "a\0",
            "Tenant_a",
            "tenant_\u{e4}",
            "-a",
            "7",
            "pg_x",
            "pg_",
            "information_schema",
            "public",
            &long,
        ];
        for name in hostile {
            assert!(SchemaName::parse(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn i50_tenants_that_would_fold_or_be_cut_have_no_schema() {
        let of = |id: &str| TenantId::parse(id).and_then(|tenant| SchemaName::of(&tenant));
        assert!(of("Acme").is_err());
        assert!(of("a.b").is_err());
        assert!(of(&"a".repeat(57)).is_err());
        assert!(of(&"a".repeat(56)).is_ok());
    }

    proptest! {
        #[test]
        fn i50_a_schema_leads_back_to_its_tenant(id in "[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,70}") {
            let tenant = TenantId::parse(&id).expect("valid");
            if let Ok(schema) = SchemaName::of(&tenant) {
                prop_assert_eq!(schema.tenant(), Some(tenant));
                prop_assert!(SchemaName::parse(schema.as_str()).is_ok());
            }
        }
    }
}
